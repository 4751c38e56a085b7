"""The hyperparameters that all trainings share, each with its unit, its range and the meaning of 0."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.space.hyperparameters import hyper

ACTIVATION_NAMES = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "swish", "mish", "tanh", "sigmoid")
OPTIMIZER_NAMES = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
SCHEDULE_NAMES = ("constant", "step", "exponential", "cosine", "cyclic", "one_cycle", "reduce_on_plateau")
INIT_NAMES = ("default", "he", "xavier", "orthogonal", "normal")


@dataclass(frozen=True, kw_only=True)
class Training:
    """Hyperparameters that the training loops read; a workload adds its own in a subclass."""

    lr: float = hyper(
        0.003, "learning rate a step; the largest one where a schedule changes it", low=0, low_open=True
    )
    batch_size: int = hyper(64, "examples a step", low=1, shapes=True)
    micro_batch: int = hyper(
        0, "examples in memory at once, their gradients are added up to a step's; 0: the batch", low=0, shapes=True
    )

    optimizer: str = hyper(
        "adam", "update rule; momentum is sgd's other name", choices=OPTIMIZER_NAMES, shapes=True
    )
    momentum: float = hyper(
        0.9,
        "share of the last update kept by sgd, nesterov and rmsprop; beta1 of adam and adamw",
        low=0,
        high=1,
        high_open=True,
    )
    beta2: float = hyper(
        0.999, "share of the mean squared gradient kept by adam and adamw", low=0, high=1, high_open=True
    )
    alpha: float = hyper(0.99, "share of the mean squared gradient kept by rmsprop", low=0, high=1, high_open=True)
    eps: float = hyper(
        1e-8, "added to the root that adagrad, rmsprop, adam and adamw divide by", low=0, low_open=True
    )

    weight_decay: float = hyper(
        0.0, "L2: gradient per unit of weight; with adamw decoupled from the gradient", low=0
    )
    l1: float = hyper(0.0, "L1: gradient towards zero, whatever the weight's size", low=0)
    clip_norm: float = hyper(0.0, "largest norm of a step's gradient, all weights together; 0: not clipped", low=0)
    label_smoothing: float = hyper(0.0, "share of the label spread over all classes", low=0, high=1, high_open=True)
    class_weights: str = hyper(
        "none",
        "balanced: an example counts in inverse proportion to its class's training rows",
        choices=("none", "balanced"),
    )
    sampling: str = hyper(
        "none",
        "balanced: an epoch draws its examples with replacement, all classes equally often",
        choices=("none", "balanced"),
        shapes=True,
    )

    lr_schedule: str = hyper("constant", "how the learning rate changes", choices=SCHEDULE_NAMES)
    warmup_epochs: int = hyper(
        0, "epochs in which the rate rises in equal steps to lr; the schedule begins after them", low=0
    )
    lr_factor: float = hyper(
        0.5, "what step and reduce_on_plateau multiply the rate by", low=0, low_open=True, high=1
    )
    lr_step_epochs: int = hyper(5, "step: epochs between two reductions", low=1)
    lr_decay: float = hyper(
        0.95, "exponential: what each epoch multiplies the rate by", low=0, low_open=True, high=1
    )
    lr_floor: float = hyper(
        0.0, "cosine, cyclic and reduce_on_plateau: smallest rate, as a share of lr", low=0, high=1
    )
    lr_cycle_epochs: int = hyper(4, "cyclic: epochs from the smallest rate to lr and back", low=1)
    lr_rise: float = hyper(
        0.3, "one_cycle: share of the steps in which the rate rises", low=0, high=1, low_open=True, high_open=True
    )
    plateau_epochs: int = hyper(
        3, "reduce_on_plateau: epochs without improvement that are borne before the rate falls", low=0
    )

    init: str = hyper("default", "distribution of the first weights; default is torch's own", choices=INIT_NAMES)
    init_gain: float = hyper(1.0, "factor on the first weights, unless they are torch's own", low=0, low_open=True)

    patience: int = hyper(0, "epochs without improvement after which training ends; 0: it goes on", low=0)
    min_improvement: float = hyper(0.0, "what counts as improvement, in units of the sweep's metric", low=0)


@dataclass(frozen=True, kw_only=True)
class Nonlinearity:
    """The nonlinearity between layers, for workloads that have some: a second base beside ``Training``."""

    activation: str = hyper(
        "relu", "nonlinearity; swish is silu's other name", choices=ACTIVATION_NAMES, shapes=True
    )
    negative_slope: float = hyper(0.01, "leaky_relu: output per unit of a negative input", low=0)
    prelu_slope: float = hyper(0.25, "prelu: the same where training begins; it is learned", low=0)
    elu_alpha: float = hyper(1.0, "elu: how far below zero outputs reach", low=0, low_open=True)


FOR_CLASSES = ("class_weights", "sampling")
"""Hyperparameters that have an effect in classification only."""
