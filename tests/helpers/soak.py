"""The long form of the suite, ``make soak``: what is left to it, how often things die there, and its summary.

With PACELINE_SOAK=1 nothing is left out, every sweep is a command of its own, and the numbers below are the large
ones. Each can be given by itself, as in ``PACELINE_DEATHS=5``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

SOAK = os.environ.get("PACELINE_SOAK") == "1"
REAL = SOAK or os.environ.get("PACELINE_TEST_REAL") == "1"
"""Whether sweeps that could run in this process are commands of their own."""


def _number(name: str, short: float, long: float) -> float:
    return float(os.environ.get(name) or (long if SOAK else short))


NUM_DEATHS = int(_number("PACELINE_DEATHS", 1, 20))
"""Of one sweep's processes; PACELINE_SEED changes the dice."""
NUM_NODE_DEATHS = int(_number("PACELINE_NODE_DEATHS", 1, 10))
"""Of one cluster's machines."""
OUTAGE_S = _number("PACELINE_OUTAGE_S", 6, 60)
"""How long MLflow's server is away."""


def pairs(first: Iterable[Any], second: Iterable[Any]) -> list[Any]:
    """Parameters of every pair; all but two of each one's are left to the long form.

    What is told by a pair that its members do not tell with others is rare, and pairs grow as products.
    """
    rows, columns = list(first), list(second)
    every = min(len(rows), len(columns))
    return [
        pytest.param(*_flat(row), *_flat(column), marks=[] if (j - i) % every < 2 else pytest.mark.soak)
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    ]


def _flat(value: Any) -> Sequence[Any]:
    return value if isinstance(value, tuple) else (value,)


def pytest_report_header() -> str:
    """Says what runs."""
    if SOAK:
        return f"soak: {NUM_DEATHS} deaths, {NUM_NODE_DEATHS} of machines, an outage of {OUTAGE_S:g} s"
    return "soak: tests of the long form are left out, `make soak` runs them"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is left to the long form."""
    if SOAK:
        return
    left = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if not item.get_closest_marker("soak")]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The row for ``tests/benchmarks/RESULTS.md``."""
    if not SOAK:
        return
    found = {name: len(terminalreporter.stats.get(name, [])) for name in ("passed", "failed", "error", "skipped")}
    told = ", ".join(f"{count} {name}" for name, count in found.items() if count)
    print(f"\nsoak: {told}; {NUM_DEATHS} deaths, {NUM_NODE_DEATHS} of machines, an outage of {OUTAGE_S:g} s")
