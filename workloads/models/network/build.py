"""Builds a user's network: calls its constructor, gives its dropouts a rate in a buffer, and checks its form."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from workloads.arrays import DataShape, Infeasible
from workloads.layers.layers import Dropout
from workloads.models.network.declared import Declared

DRAWING = ("normal_", "uniform_", "random_", "bernoulli_", "exponential_", "log_normal_", "cauchy_", "geometric_")
"""Methods that fill a tensor with random numbers."""
LARGE = 100_000
"""Larger tensors are not drawn to compare networks."""
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
REGISTERED = ("_parameters", "_buffers", "_modules")
"""Attributes of a module in which torch finds what belongs to it."""
LAZY = (nn.parameter.UninitializedParameter, nn.parameter.UninitializedBuffer)


class MemberDropout(Dropout):
    """A user's ``nn.Dropout`` with its rate in a buffer; or one that drops whole maps, as ``nn.Dropout2d`` does."""

    def __init__(self, rate: float, channel_dims: int = 0) -> None:
        super().__init__(rate)
        self.channel_dims = channel_dims
        """Dimensions of a map behind batch and channels; 0: single units are dropped."""

    @property
    def p(self) -> float:
        """The rate, as ``nn.Dropout`` has it; where it is read in ``forward``, members are trained one by one."""
        return float(self.rate)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with units or maps dropped and the others divided by 1 - rate."""
        if not (self.training and self.active):
            return x
        if self.channel_dims and x.dim() != 2 + self.channel_dims:
            raise ValueError(f"Dropout{self.channel_dims}d takes (batch, channels, ...), received {tuple(x.shape)}")
        shape = [*x.shape[:2], *[1] * self.channel_dims] if self.channel_dims else x.shape
        kept = torch.rand(shape, device=x.device) >= self.rate
        return x * (kept.to(x.dtype) / self.kept.to(x.dtype).clamp(min=torch.finfo(x.dtype).tiny))


DROPOUTS: Mapping[type[nn.Module], int] = {nn.Dropout: 0, nn.Dropout1d: 1, nn.Dropout2d: 2, nn.Dropout3d: 3}


def build(declared: Declared, hp: Any, shape: DataShape) -> nn.Module:
    """Return a new network; its first weights are drawn from torch's present seed alone.

    Raises Infeasible for a network that cannot be trained, such as one without parameters, or with complex ones.
    """
    with _seeded():
        model = constructed(declared, declared.values(hp), shape)
    if (fault := _fault(model)) is not None:
        raise Infeasible(f"{declared.cls.__name__} {fault}")
    model.may_leave_out_parameters = True  # type: ignore[assignment] # read where processes train together
    for tensor in (*model.parameters(), *model.buffers()):
        if not tensor.is_contiguous():
            tensor.data = tensor.data.contiguous()
    return model


def _fault(model: nn.Module) -> str | None:
    """Return why a network cannot be trained, as what follows its name; None where it can."""
    if any(tensor.is_complex() for tensor in model.state_dict().values()):
        return "has complex parameters or buffers, and all must be real"
    if not any(parameter.requires_grad for parameter in model.parameters()):
        return "has no parameters to train"
    if (place := unregistered(model)) is not None:
        return (
            f"keeps layers or parameters in {place}, where torch does not find them, so that they would be neither "
            "trained nor saved: use nn.ModuleList, nn.ModuleDict or nn.ParameterList (or requires_grad_(False) for "
            "what is not to be trained)"
        )
    sparse = (name for name, one in model.named_modules() if isinstance(one, EMBEDDINGS) and one.sparse)
    if (name := next(sparse, None)) is not None:
        return f"has sparse gradients ({name}), which the optimizers do not take: leave out sparse=True"
    return None


def unregistered(model: nn.Module) -> str | None:
    """Return the first attribute with parameters to train that are not the network's own: ``Net.layers``."""
    known = {id(parameter) for parameter in model.parameters()}
    for module in model.modules():
        for name, value in vars(module).items():
            if name not in REGISTERED and any(id(one) not in known for one in _trainable(value)):
                return f"{type(module).__name__}.{name}"
    return None


def _trainable(value: Any) -> Iterator[nn.Parameter]:
    """Yield the parameters with gradients in a value, in lists and mappings, too."""
    if isinstance(value, nn.Parameter) and value.requires_grad:
        yield value
    elif isinstance(value, nn.Module):
        yield from (parameter for parameter in value.parameters() if parameter.requires_grad)
    elif isinstance(value, Mapping | list | tuple | set):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _trainable(one)


def constructed(declared: Declared, given: Mapping[str, Any], shape: DataShape) -> nn.Module:
    """Return the network that the constructor makes of the hyperparameters ``given``, with rates in buffers."""
    model: nn.Module = declared.network(given, shape)
    if any(isinstance(tensor, LAZY) for tensor in (*model.parameters(), *model.buffers())):
        with torch.no_grad():
            model.eval()(blank(shape))  # lazy layers learn their sizes
        model.train()
    with_rates(model)
    return model


def sketch(declared: Declared, given: Mapping[str, Any], shape: DataShape, seed: int = 0) -> nn.Module | None:
    """Return a network to compare its form, whose large parameters are not drawn; None where values are refused."""
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.default_generator.manual_seed(seed)
            with _seeded(), _Undrawn():
                return constructed(declared, given, shape)
    except Exception:  # noqa: BLE001 - a user's code; values that it refuses are told when a trial has them
        return None


class _Undrawn(TorchFunctionMode):
    """Draws only one number of a large tensor: that makes it differ from others, and takes no time."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        tensor = args[0] if args and getattr(func, "__name__", "") in DRAWING else None
        if isinstance(tensor, Tensor) and tensor.numel() == 0:
            return tensor  # torch would warn that there is nothing to draw
        if isinstance(tensor, Tensor) and tensor.numel() > LARGE:
            func(tensor.data[(slice(0, 1),) * tensor.dim()], *args[1:], **(kwargs or {}))
            return tensor
        return func(*args, **(kwargs or {}))


def with_rates(model: nn.Module) -> None:
    """Replace torch's dropouts by those with a rate in a buffer, in place."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) in DROPOUTS:
                rate: Any = child.p
                setattr(module, name, MemberDropout(rate, DROPOUTS[type(child)]))


def blank(shape: DataShape, num_examples: int = 2) -> Tensor:
    """Return examples of zeros in the form in which a network gets them."""
    dtype = torch.long if shape.problem == "language" else torch.get_default_dtype()
    return torch.zeros((num_examples, *shape.example), dtype=dtype)


@contextmanager
def _seeded() -> Iterator[None]:
    """Context in which Python's and NumPy's generators begin at torch's seed; they go on afterwards as before."""
    number = torch.initial_seed() % 2**32
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(number)
    np.random.seed(number)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
