"""Compares two networks: whether they differ in the values of parameters and buffers alone.

Then one program computes both. All else that a module holds must be equal: layers, shapes, and Python's attributes.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterator, Mapping, Set
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workloads.layers.layers import Dropout

IN_BUFFERS = {"active"}
"""Attributes of our dropout that follow from its rate, and that loops set for all members of a program."""
TENSORS = {"_parameters", "_buffers", "_modules"}
OF_SAVING = (
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
"""Hooks that compute nothing of the outputs."""
OF_CLASS = {"__dict__", "__weakref__", "__doc__", "__annotations__", "__abstractmethods__", "_abc_impl"}
"""Attributes of a class that say nothing of what it computes."""


def difference(one: nn.Module, other: nn.Module) -> str | None:
    """Return in what the two differ, as ``layer.p`` or ``layer``; None where one program computes both."""
    registered = frozenset(id(module) for module in one.modules())
    found = next(_Comparison(registered).modules(one, other, type(one).__name__), None)
    return found or (None if _ties(one) == _ties(other) else "shared parameters")


class _Comparison:
    def __init__(self, registered: frozenset[int]) -> None:
        self._registered = registered
        """Ids of the modules whose parameters are of each network: those of others, as in a list, must be equal."""
        self._seen: dict[tuple[int, int], object] = {}
        """Pairs that were compared, by their ids. They are kept: the id of an object that is gone is another's."""

    def modules(self, one: nn.Module, other: nn.Module, place: str) -> Iterator[str]:
        """Yield the places in which two modules differ, as ``layer.p``, or ``layer`` where its form differs."""
        if (id(one), id(other)) in self._seen:
            return
        self._seen[id(one), id(other)] = (one, other)
        if not self.equal(type(one), type(other)) or [*one._modules] != [*other._modules]:
            yield place
            return
        if _forms(one) != _forms(other):
            yield place
        yield from self._attributes(one, other, place)
        for name, child in one._modules.items():
            twin = other._modules[name]
            if child is None or twin is None:
                if child is not twin:
                    yield f"{place}.{name}"
            else:
                yield from self.modules(child, twin, f"{place}.{name}")

    def _attributes(self, one: nn.Module, other: nn.Module, place: str) -> Iterator[str]:
        """Yield the places of Python's attributes in which two modules of one class differ."""
        own, others = (
            {name: value for name, value in vars(each).items() if name not in (*TENSORS, *OF_SAVING)}
            for each in (one, other)
        )
        if own.keys() != others.keys():
            yield f"{place}.{sorted(own.keys() ^ others.keys())[0]}"
            return
        left = IN_BUFFERS if isinstance(one, Dropout) else ()
        for name in own:
            if name not in left and not self._equal_attributes(name, own[name], others[name]):
                yield f"{place}.{name}"

    def _equal_attributes(self, name: str, one: Any, other: Any) -> bool:
        if name.endswith("hooks") and isinstance(one, Mapping) and isinstance(other, Mapping):
            return self.equal([*one.values()], [*other.values()])  # the keys count all hooks of the process
        return self.equal(one, other)

    def equal(self, one: Any, other: Any) -> bool:
        """Return whether two attributes are known to be equal; what cannot be compared counts as different."""
        if isinstance(one, Tensor) or isinstance(other, Tensor):
            return isinstance(other, Tensor) and _equal_tensors(one, other)
        if one is other or (id(one), id(other)) in self._seen:
            return True
        if _named(type(one)) != _named(type(other)):
            return False
        if isinstance(one, bool | int | str | bytes | complex | torch.dtype | torch.device | torch.Size):
            return bool(one == other)
        if isinstance(one, float):
            return one == other or (one != one and other != other)
        if isinstance(one, np.ndarray | np.generic):
            return bool(np.array_equal(one, other))
        self._seen[id(one), id(other)] = (one, other)
        return self._equal_classes(one, other) if isinstance(one, type) else self._equal_objects(one, other)

    def _equal_classes(self, one: type, other: type) -> bool:
        """Compare two classes that a constructor may have made, each with values of its own in its methods."""
        if _named(one) != _named(other) or not self.equal(one.__bases__, other.__bases__):
            return False
        mine, theirs = ({k: v for k, v in vars(each).items() if k not in OF_CLASS} for each in (one, other))
        return self.equal(mine, theirs)

    def _equal_objects(self, one: Any, other: Any) -> bool:
        if isinstance(one, nn.Module):
            del self._seen[id(one), id(other)]  # `modules` enters it
            same = next(self.modules(one, other, ""), None) is None
            return same and (
                id(one) in self._registered or all(map(_equal_tensors, _tensors(one), _tensors(other)))
            )
        if isinstance(one, Mapping):
            return [*one] == [*other] and all(self.equal(one[key], other[key]) for key in one)
        if isinstance(one, list | tuple):
            return len(one) == len(other) and all(map(self.equal, one, other))
        if isinstance(one, Set):
            return bool(one == other)
        if inspect.isfunction(one):
            parts = (_parts(one), _parts(other))
            return one.__code__ == other.__code__ and all(map(self.equal, *parts))
        if isinstance(one, functools.partial):
            return all(
                self.equal(getattr(one, part), getattr(other, part)) for part in ("func", "args", "keywords")
            )
        if inspect.ismethod(one):
            return self.equal(one.__func__, other.__func__) and self.equal(one.__self__, other.__self__)
        if isinstance(one, staticmethod | classmethod):
            return self.equal(one.__func__, other.__func__)
        if isinstance(one, property):
            return all(self.equal(getattr(one, part), getattr(other, part)) for part in ("fget", "fset", "fdel"))
        if hasattr(one, "__dict__") and not isinstance(one, types.ModuleType | torch.Generator):
            return self.equal(vars(one), vars(other))
        return False


def _named(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _ties(model: nn.Module) -> list[int]:
    """Return, for each name of a parameter or buffer, the place of the first name of the same tensor."""
    named = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    first: dict[int, int] = {}
    return [first.setdefault(id(tensor), place) for place, (_, tensor) in enumerate(named)]


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


def _forms(module: nn.Module) -> list[dict[str, object]]:
    """Return the forms of a module's own parameters, and of its own buffers, by name."""
    return [{name: _form(value) for name, value in own.items()} for own in (module._parameters, module._buffers)]


def _form(tensor: Tensor | None) -> object:
    return None if tensor is None else (tuple(tensor.shape), tensor.dtype, tensor.requires_grad)


def _parts(function: types.FunctionType) -> list[Any]:
    return [function.__defaults__, function.__kwdefaults__, *map(_content, function.__closure__ or ())]


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing is assigned to it yet
        return None


def _equal_tensors(one: Any, other: Tensor) -> bool:
    if not isinstance(one, Tensor) or one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool(torch.equal(one, other))
