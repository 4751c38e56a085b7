"""The search space: domains with their distributions, conditions, and hyperparameters as dataclass fields.

From outside: ``space.Space``, ``hyperparameters.hyper`` and ``complete``.
"""
