"""Generative adversarial networks: generator and discriminator, their training loop, and metrics of the images."""
