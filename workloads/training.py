"""The hyperparameters that every classifier's training shares."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.hyperparameters import hyper

ACTIVATION_NAMES = ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid")
OPTIMIZER_NAMES = ("sgd", "adam", "adamw", "rmsprop")


@dataclass(frozen=True, kw_only=True)
class Training:
    """What the loops read. A workload's own hyperparameters are a subclass with its further fields."""

    lr: float = hyper(0.003, "learning rate", low=0, low_open=True)
    batch_size: int = hyper(64, "examples a step", low=1, shapes=True)
    weight_decay: float = hyper(0.0, "L2 penalty; with adamw decoupled from the gradient", low=0)
    momentum: float = hyper(
        0.9, "momentum of sgd and rmsprop, beta1 of adam and adamw", low=0, high=1, high_open=True
    )
    optimizer: str = hyper("adam", "update rule", choices=OPTIMIZER_NAMES, shapes=True)
    label_smoothing: float = hyper(0.0, "share of the label spread over all classes", low=0, high=1, high_open=True)
