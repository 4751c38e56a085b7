"""The global random generators of Python, NumPy and torch: their states as values, and as bytes for checkpoints."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Container
from typing import Any, NamedTuple

import numpy as np
import torch

_global: Any = np.random  # two public functions of it are missing in its types
_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64)
}
_SEEDERS: tuple[tuple[str, Any, str], ...] = (
    ("python", random, "seed"),
    ("numpy", np.random, "seed"),
    ("torch_cpu", torch, "manual_seed"),
    ("torch_cpu", torch, "seed"),
    ("torch_cuda", torch.cuda, "manual_seed"),
    ("torch_cuda", torch.cuda, "manual_seed_all"),  # torch's own two call it
)
"""Functions that seed a generator, by its name in ``Generators``: module, and name there."""


class Seedings:
    """Notices which generators are seeded, from its making to ``end``: their names are in ``seeded``."""

    def __init__(self) -> None:
        self.seeded: set[str] = set()
        self._usual = [(module, name, getattr(module, name)) for _, module, name in _SEEDERS]
        self._noticing = [
            self._notices(key, seed) for (key, *_), (*_, seed) in zip(_SEEDERS, self._usual, strict=True)
        ]
        for (module, name, _), noticing in zip(self._usual, self._noticing, strict=True):
            setattr(module, name, noticing)

    def _notices(self, generator: str, seed: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(seed)
        def noticing(*given: Any, **named: Any) -> Any:
            self.seeded.add(generator)
            return seed(*given, **named)

        return noticing

    def end(self) -> None:
        """Put the modules' functions back, but for those that others have replaced since."""
        for (module, name, usual), noticing in zip(self._usual, self._noticing, strict=True):
            if getattr(module, name) is noticing:
                setattr(module, name, usual)


class Generators(NamedTuple):
    """States of the global generators of this process."""

    python: tuple[Any, ...]
    numpy: tuple[Any, dict[str, Any]]
    """NumPy's bit generator, and its state."""
    torch_cpu: Any
    torch_cuda: Any
    """State for the present GPU; None where the process has not used one."""

    @classmethod
    def now(cls) -> Generators:
        """Return the present states."""
        bits = _global.get_bit_generator()
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
        return cls(random.getstate(), (bits, bits.state), torch.default_generator.get_state(), cuda)

    def put_back(self, left_alone: Container[str] = ()) -> None:
        """Make these the states of the process again, but for the generators named in ``left_alone``."""
        if "python" not in left_alone:
            random.setstate(self.python)
        if "numpy" not in left_alone:
            bits, state = self.numpy
            if _global.get_bit_generator() is not bits:
                _global.set_bit_generator(bits)
            bits.state = state
        if "torch_cpu" not in left_alone:
            torch.default_generator.set_state(self.torch_cpu)
        if "torch_cuda" not in left_alone and self.torch_cuda is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(self.torch_cuda)

    def to_bytes(self) -> bytes:
        """Return the states as JSON; that of a bit generator that is not NumPy's own is left out."""
        bits, state = self.numpy
        own = state if _KINDS.get(state.get("bit_generator", "")) is type(bits) else None
        return json.dumps([self.python, own, self.torch_cpu, self.torch_cuda], default=_listed).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Generators:
        """Return what ``to_bytes`` wrote, with the process's own bit generator where none was written."""
        (version, words, gauss), state, cpu, cuda = json.loads(content, object_hook=_array)
        bits = _KINDS[state["bit_generator"]]() if state else _global.get_bit_generator()
        tensors = (None if each is None else torch.from_numpy(each) for each in (cpu, cuda))
        return cls((version, tuple(words), gauss), (bits, state or bits.state), *tensors)


def _listed(value: Any) -> Any:
    array = np.asarray(value)
    return {"type": array.dtype.name, "values": array.tolist()} if array.ndim else array.item()


def _array(found: dict[str, Any]) -> Any:
    return np.array(found["values"], found["type"]) if found.keys() == {"type", "values"} else found
