"""Torch code that reads like the textbook: models, tasks, and the loops that train them."""
