"""Training loops and their parts: inputs, optimizers, learning rates, folds, limits of memory.

From outside: ``setup.Setup`` and ``Loop``, ``choose_width.make_loop``; never imports a model.
"""
