"""CUDA graphs: a step of many small kernels is recorded once and then started by one call instead of a hundred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor

Program = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""A step on (x, y) that returns metrics of one shape and dtype. It changes other tensors in place only."""
WARM_UP = 2
"""Steps of a shape that run without a graph before one is recorded: libraries choose their kernels in them."""


class Graphs:
    """Runs a program on a GPU by CUDA graphs, one for each pair of shapes of ``x`` and ``y``.

    The program must draw noise on the device, and read from tensors what changes from step to step. If it cannot be
    recorded, it runs without a graph: it waits for the device, or the graph's own tensors do not fit into memory.
    """

    def __init__(self) -> None:
        self._graphs: dict[tuple[torch.Size, torch.Size], _Graph | None] = {}
        self._seen: Counter[tuple[torch.Size, torch.Size]] = Counter()

    @property
    def num_recorded(self) -> int:
        """Number of shapes that have a graph."""
        return sum(graph is not None for graph in self._graphs.values())

    def __call__(self, program: Program, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return what ``program`` returns; it must be the same program at every call."""
        shapes = (x.shape, y.shape)
        if self._seen[shapes] < WARM_UP:
            self._seen[shapes] += 1
            return program(x, y)
        if shapes not in self._graphs:
            self._graphs[shapes] = _recorded(program, x, y)
        graph = self._graphs[shapes]
        return program(x, y) if graph is None else graph(x, y)


class _Graph:
    def __init__(self, program: Program, x: Tensor, y: Tensor) -> None:
        self._x, self._y = x.clone(), y.clone()
        self._graph = torch.cuda.CUDAGraph()
        # Other threads of the process, which read ahead or write checkpoints, may use the device meanwhile.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            measured = program(self._x, self._y)
            self._names, self._values = list(measured), torch.stack(list(measured.values()))

    def __call__(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        self._x.copy_(x)
        self._y.copy_(y)
        self._graph.replay()
        return dict(zip(self._names, self._values.clone(), strict=True))


def _recorded(program: Program, x: Tensor, y: Tensor) -> _Graph | None:
    assert x.device.index is not None, "a tensor on a GPU says which"
    generator = torch.cuda.default_generators[x.device.index]
    kept = generator.clone_state()
    try:
        return _Graph(program, x, y)
    except RuntimeError:  # an error of the program itself is raised again when it runs without a graph
        generator.graphsafe_set_state(kept)  # the state of a failed recording refuses to draw
        return None
