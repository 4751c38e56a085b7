"""The hyperparameters that all trainings share, each with its unit, its range and the meaning of 0."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.space.hyperparameters import hyper

ACTIVATION_NAMES = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "swish", "mish", "tanh", "sigmoid")
OPTIMIZER_NAMES = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
ADAMS = ("adam", "adamw")
SCHEDULE_NAMES = ("constant", "step", "exponential", "linear", "cosine", "cyclic", "one_cycle", "reduce_on_plateau")
PRECISION_NAMES = ("auto", "bfloat16", "float32")
INIT_NAMES = ("default", "he", "xavier", "orthogonal", "normal")


@dataclass(frozen=True, kw_only=True)
class Training:
    """Hyperparameters that the training loops read; a workload adds its own in a subclass."""

    lr: float = hyper(0.003, "learning rate; with a schedule or warm-up, its peak", low=0, low_open=True)
    batch_size: int = hyper(64, "examples in a mini-batch", low=1, shapes=True)
    micro_batch: int = hyper(
        0,
        "examples in memory at once: gradients are accumulated over a mini-batch; 0: the whole mini-batch",
        low=0,
        shapes=True,
    )

    optimizer: str = hyper(
        "adam", "optimizer; momentum is another name of sgd", choices=OPTIMIZER_NAMES, shapes=True
    )
    momentum: float = hyper(
        0.9,
        "momentum of sgd, nesterov and rmsprop; beta1 of adam and adamw",
        low=0,
        high=1,
        high_open=True,
        when={"optimizer": tuple(name for name in OPTIMIZER_NAMES if name != "adagrad")},
    )
    beta2: float = hyper(
        0.999,
        "adam and adamw: decay rate of the running mean of squared gradients",
        low=0,
        high=1,
        high_open=True,
        when={"optimizer": ADAMS},
    )
    alpha: float = hyper(
        0.99,
        "rmsprop: decay rate of the running mean of squared gradients",
        low=0,
        high=1,
        high_open=True,
        when={"optimizer": ("rmsprop",)},
    )
    eps: float = hyper(
        1e-8,
        "adagrad, rmsprop, adam and adamw: added to the denominator for numerical stability",
        low=0,
        low_open=True,
        when={"optimizer": ("adagrad", "rmsprop", *ADAMS)},
    )

    weight_decay: float = hyper(
        0.0, "coefficient of L2 regularisation; with adamw, of decoupled weight decay", low=0
    )
    l1: float = hyper(0.0, "coefficient of L1 regularisation", low=0)
    clip_norm: float = hyper(0.0, "gradients are clipped to this global norm; 0: no clipping", low=0)
    label_smoothing: float = hyper(
        0.0, "label smoothing: share of the target spread evenly over all classes", low=0, high=1, high_open=True
    )
    class_weights: str = hyper(
        "none",
        "weights of the classes in the loss; balanced: inversely proportional to their number of training rows",
        choices=("none", "balanced"),
        problems=("classification",),
    )
    sampling: str = hyper(
        "none",
        "sampling of an epoch's examples; balanced: with replacement, each class with the same probability",
        choices=("none", "balanced"),
        shapes=True,
        problems=("classification",),
    )

    lr_schedule: str = hyper("constant", "learning-rate schedule", choices=SCHEDULE_NAMES)
    warmup_epochs: int = hyper(0, "epochs of linear warm-up to lr, before the schedule begins", low=0)
    warmup_share: float = hyper(
        0.0,
        "instead of warmup_epochs: steps of linear warm-up to lr, as a fraction of the longest training's",
        low=0,
        high=1,
        high_open=True,
        instead_of="warmup_epochs",
    )
    lr_factor: float = hyper(
        0.5,
        "step and reduce_on_plateau: factor of each reduction of the learning rate",
        low=0,
        low_open=True,
        high=1,
        when={"lr_schedule": ("step", "reduce_on_plateau")},
    )
    lr_step_epochs: int = hyper(
        5, "step: epochs between two reductions of the learning rate", low=1, when={"lr_schedule": ("step",)}
    )
    lr_decay: float = hyper(
        0.95,
        "exponential: factor by which the learning rate is multiplied after each epoch",
        low=0,
        low_open=True,
        high=1,
        when={"lr_schedule": ("exponential",)},
    )
    lr_floor: float = hyper(
        0.0,
        "linear, cosine, cyclic and reduce_on_plateau: smallest learning rate, as a fraction of lr",
        low=0,
        high=1,
        when={"lr_schedule": ("linear", "cosine", "cyclic", "reduce_on_plateau")},
    )
    lr_cycle_epochs: int = hyper(4, "cyclic: length of a cycle in epochs", low=1, when={"lr_schedule": ("cyclic",)})
    lr_rise: float = hyper(
        0.3,
        "one_cycle: fraction of the training in which the learning rate rises",
        low=0,
        high=1,
        low_open=True,
        high_open=True,
        when={"lr_schedule": ("one_cycle",)},
    )
    plateau_epochs: int = hyper(
        3,
        "reduce_on_plateau: epochs without improvement that are allowed before the learning rate is reduced",
        low=0,
        when={"lr_schedule": ("reduce_on_plateau",)},
    )

    init: str = hyper(
        "default", "initialisation of the weights; default: PyTorch's own for each layer", choices=INIT_NAMES
    )
    init_gain: float = hyper(
        1.0,
        "factor by which the initial weights are multiplied; no effect with init: default",
        low=0,
        low_open=True,
        when={"init": INIT_NAMES[1:]},
    )

    patience: int = hyper(
        0, "early stopping: training ends after this many epochs without improvement; 0: never", low=0
    )
    min_improvement: float = hyper(
        0.0, "smallest change of the sweep's metric that counts as an improvement", low=0
    )


@dataclass(frozen=True, kw_only=True)
class Nonlinearity:
    """The nonlinearity between layers, for workloads that have some: a second base beside ``Training``."""

    activation: str = hyper(
        "relu", "activation function; swish is another name of silu", choices=ACTIVATION_NAMES, shapes=True
    )
    negative_slope: float = hyper(
        0.01, "leaky_relu: slope for negative inputs", low=0, when={"activation": ("leaky_relu",)}
    )
    prelu_slope: float = hyper(
        0.25,
        "prelu: initial slope for negative inputs, which is then learned",
        low=0,
        when={"activation": ("prelu",)},
    )
    elu_alpha: float = hyper(
        1.0,
        "elu: the output approaches minus this value for large negative inputs",
        low=0,
        low_open=True,
        when={"activation": ("elu",)},
    )
