"""Tries whether networks of one program can be trained fused: on a few examples, against plain training.

Forward pass, gradients, running statistics and evaluation must agree; else members are trained one by one.
"""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from search_spaces.space.hyperparameters import hyperparameters
from search_spaces.types.error_text import first_line
from workloads.arrays import Infeasible
from workloads.models.network.build import sketch
from workloads.models.network.compared import compared
from workloads.models.network.declared import Declared
from workloads.models.network.same_program import difference
from workloads.training.batches import ResidentData
from workloads.training.process_group import ALONE
from workloads.training.setup import Setup, Trainee

NUM_EXAMPLES = 12
NO_RULE = (nn.RNNBase,)
"""Layers that ``vmap`` has no rule for."""

_tried: dict[tuple[Any, ...], str | None] = {}
"""Why members are trained one by one, by class, signature and shape of the data; None: they are fused."""


def programs(declared: Declared, setup: Setup, members: Sequence[Trainee]) -> list[list[int]]:
    """Divide the places of ``members`` into groups, each of which trains as one program.

    Raises Infeasible where the network does not give what is to be predicted.
    """
    apart = why_apart(declared, setup, members[0])
    if apart is not None:
        return [[k] for k in range(len(members))]
    groups: list[list[int]] = []
    firsts: list[nn.Module] = []
    for k, member in enumerate(members):
        model = sketch(declared, declared.values(member.hp), setup.data.shape, seed=k) if len(members) > 1 else None
        same = (i for i, first in enumerate(firsts) if model is not None and difference(first, model) is None)
        place = next(same, None)
        if place is None:
            groups.append([k])
            firsts += [] if model is None else [model]
        else:
            groups[place].append(k)
    return groups


def why_apart(declared: Declared, setup: Setup, member: Trainee) -> str | None:
    """Return why members are trained one by one, in a few words; None where they are fused.

    Raises Infeasible where the network does not give what is to be predicted.
    """
    known = hyperparameters(type(member.hp))
    shapes = tuple(getattr(member.hp, name) for name, field in known.items() if field.shapes)
    key = (declared.cls, shapes, setup.data.shape, setup.data.dtype)
    if key not in _tried:
        _tried[key] = _tryout(declared, _few(setup), member)
    return _tried[key]


def _few(setup: Setup) -> Setup:
    """Return a setup of a few examples on the CPU."""
    data = setup.data
    num = min(NUM_EXAMPLES, len(data.y_train), len(data.y_val) or NUM_EXAMPLES)
    x = data.inputs(data.x_train[:num]).cpu()
    y = data.y_train[:num].cpu()
    few = ResidentData(x, y, x, y, data.shape, nn.Identity(), data.dtype, ready=True)
    return replace(setup, data=few, group=ALONE, micro_batch=0, width=0)


def _tryout(declared: Declared, setup: Setup, member: Trainee) -> str | None:
    model = setup.build(member)
    reason = _at_sight(model)
    before, generators = (None if reason else _copied(model)), _generators()
    incomparable = None if before is None else difference(before, model)
    outputs = _checked(declared, setup, model)
    if not outputs.isfinite().all():
        raise Infeasible(f"the outputs of {declared.cls.__name__} are not finite before any training")
    if reason is not None:
        return reason
    if _generators() != generators:
        return "it draws random numbers from Python or NumPy"
    if before is None:
        return "it cannot be copied"
    if incomparable is not None:
        return f"its part {incomparable} cannot be compared between networks"
    if (changed := difference(before, model)) is not None:
        return f"it keeps state between forward passes ({changed})"
    precise = _in(setup, torch.float64)
    try:
        return compared(precise, member)
    except Exception:  # noqa: BLE001 - a network may compute in float32 whatever its weights are
        pass
    try:
        return compared(setup, member)
    except Exception as error:  # noqa: BLE001 - vmap raises many kinds for what it has no rule for
        return _reason(error)


def _reason(error: Exception) -> str:
    """Return why ``vmap`` cannot batch a network, in a few words."""
    told = str(error)
    if "data-dependent control flow" in told or ".item()" in told:
        return "its forward pass decides by the values of tensors"
    if "on device meta" in told:
        return "it computes with weights outside of its forward pass, as gradient checkpointing does"
    operation = re.search(r"rule not implemented for ([\w:.]+)", told)
    return f"{operation[1]} has no batching rule" if operation else f"vmap says: {first_line(error)}"


def _copied(model: nn.Module) -> nn.Module | None:
    try:
        return copy.deepcopy(model)
    except Exception:  # noqa: BLE001 - a user's attribute, such as a generator or a lock
        return None


def _at_sight(model: nn.Module) -> str | None:
    for module in model.modules():
        if isinstance(module, NO_RULE):
            return f"nn.{type(module).__name__} has no batching rule"
        if isinstance(module, torch.jit.ScriptModule):
            return "it has parts in TorchScript"
        if type(module).__name__ == "OptimizedModule" or getattr(module, "_compiled_call_impl", None) is not None:
            return "it has parts made by torch.compile"
    frozen = next((name for name, parameter in model.named_parameters() if not parameter.requires_grad), None)
    return None if frozen is None else f"its parameter {frozen} is frozen"


def _checked(declared: Declared, setup: Setup, model: nn.Module) -> Tensor:
    """Return the outputs in training mode. Raises Infeasible where they are not what is to be predicted."""
    name, x = declared.cls.__name__, setup.data.x_train
    given = x.clone()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        outputs: Tensor = model.train()(given)
    if not torch.equal(given, x):
        raise Infeasible(
            f"{name}.forward changes its inputs in place, which are those of other trials and epochs, too: write "
            "x = x - 1 for x -= 1, and leave out inplace=True where layers take the inputs"
        )
    _check_form(name, setup, outputs, x)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            alone = copy.deepcopy(model).eval()(x[:1].clone())
        except Exception:  # noqa: BLE001 - a user's code: what cannot be copied, or needs several examples
            return outputs
    _check_form(name, setup, alone, x[:1])
    return outputs


def _check_form(name: str, setup: Setup, outputs: Any, x: Tensor) -> None:
    """Raise Infeasible where the outputs for the inputs ``x`` have not the shape of what is to be predicted."""
    if not isinstance(outputs, Tensor):
        raise Infeasible(f"{name}.forward must return one tensor, received {type(outputs).__name__}")
    shape = setup.data.shape
    steps = shape.example if shape.problem == "language" else ()
    expected = (len(x), *steps, shape.num_outputs)
    if tuple(outputs.shape) != expected:
        words = ("batch", *(["steps"] if steps else []), "num_outputs")
        shown = f"({', '.join(words)}) = {expected}"
        raise Infeasible(
            f"{name}.forward must return {shown} for inputs {tuple(x.shape)}, received {tuple(outputs.shape)}"
        )
    if not outputs.is_floating_point():
        raise Infeasible(f"{name}.forward must return real numbers, received {outputs.dtype}")


def _in(setup: Setup, dtype: torch.dtype) -> Setup:
    data = setup.data
    x = data.x_train.to(dtype) if data.x_train.is_floating_point() else data.x_train
    y = data.y_train.to(dtype) if data.y_train.is_floating_point() else data.y_train
    return replace(setup, data=replace(data, x_train=x, y_train=y, x_val=x, y_val=y, dtype=dtype))


def _generators() -> tuple[Any, ...]:
    """Return the states of Python's and NumPy's global generators, so that they can be compared."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    return random.getstate(), kind, np.asarray(keys).tobytes(), *rest
