"""The loops, and what they need: inputs, optimizers, learning rates, folds, limits of memory.

From outside: ``setup.Setup`` and ``Loop``, ``choose_width.make_loop``; never imports a model.
"""
