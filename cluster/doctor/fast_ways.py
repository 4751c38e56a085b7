"""Checks which fast ways are on: code that replaces a slower part of Ray, MLflow or torch, by its private parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cluster.doctor.machine import Check
from cluster.ray_internals import forkserver, lean_node, spare_workers
from search_spaces.types.plain import ASKED_FOR, VARIABLE
from tracking.store import sqlite
from tracking.store.open import why_slow

RAY_RANGE: Final = "install a Ray of the range that Paceline declares, or wait for a Paceline that knows this one"
TORCH_RANGE: Final = "install a torch of the range that Paceline declares"


@dataclass(frozen=True)
class FastWay:
    """A fast way. ``why_off`` returns the reason why it is off, or None.

    ``without`` says what its plain way costs, ``remedy`` how to make the fast way available.
    """

    name: str
    why_off: Callable[[], str | None]
    without: str
    remedy: str

    def check(self) -> Check:
        """Return the doctor's check: ok when on, else a warning with the reason and the cost."""
        why = self.why_off()
        if why is None:
            return Check(name=self.name, state="ok", found="on")
        remedy = f"unset {VARIABLE}" if why == ASKED_FOR else self.remedy
        return Check(name=self.name, state="warning", found=f"off: {why}; {self.without}", remedy=remedy)


LEAN_RAY: Final = FastWay("fast: Ray's start", lean_node.why_off, lean_node.WITHOUT, RAY_RANGE)
FORKED: Final = FastWay("fast: forked workers", forkserver.why_off, forkserver.WITHOUT, "run on Linux")
SPARES: Final = FastWay("fast: spare workers", spare_workers.why_off, spare_workers.WITHOUT, RAY_RANGE)


def fast_ways() -> Iterator[Check]:
    """Yield the check of each fast way. Imports Ray and torch."""
    from cluster.lanes import tune  # 1,000 ms, as the loops below
    from workloads.tasks import by_hand  # 1,200 ms: torch
    from workloads.training import optimizers  # 1,200 ms: torch

    uri = os.environ.get("MLFLOW_TRACKING_URI")
    ways: Sequence[FastWay] = (
        LEAN_RAY,
        FORKED,
        SPARES,
        FastWay("fast: kept workers", tune.why_off, tune.WITHOUT, RAY_RANGE),
        FastWay("fast: MLflow's file", lambda: why_slow(uri), sqlite.WITHOUT, "install an MLflow 3.17"),
        FastWay("fast: gradients", by_hand.why_off, by_hand.WITHOUT, TORCH_RANGE),
        FastWay("fast: Adam", optimizers.why_off, optimizers.WITHOUT, TORCH_RANGE),
    )
    yield from (way.check() for way in ways)


def fallen_back(ways: Sequence[FastWay]) -> Iterator[str]:
    """Yield a line for each fast way that is off without PACELINE_PLAIN."""
    for way in ways:
        if (why := way.why_off()) not in (None, ASKED_FOR):
            yield f"{why}: {way.without}"
