"""How wide to train a cohort: all members in one program, or in chunks that are faster here."""

from __future__ import annotations

from collections.abc import Sequence

from workloads.fused import FusedLoop
from workloads.loop import Loop, Setup, Trainee
from workloads.plain import PlainLoop


def cohort_loops(setup: Setup, members: Sequence[Trainee], num_epochs: int) -> tuple[list[Loop], list[str]]:
    """Loops that together train ``members``, in their order, and messages for people."""
    return [FusedLoop(setup, members)], []
