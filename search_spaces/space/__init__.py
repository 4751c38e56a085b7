"""The search space: domains, their laws, conditions between them, and hyperparameters as fields of a dataclass.

From outside: ``space.Space``, ``hyperparameters.hyper`` and ``complete``.
"""
