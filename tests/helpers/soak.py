"""The long form of the suite, ``make soak``: which tests only it runs, its numbers of deaths, and its summary.

With PACELINE_SOAK=1 no test is left out, every sweep is a command of its own, and the numbers below are the larger
ones. Each number can be set by itself, as in ``PACELINE_DEATHS=5``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

SOAK = os.environ.get("PACELINE_SOAK") == "1"
REAL = SOAK or os.environ.get("PACELINE_TEST_REAL") == "1"
"""Whether sweeps that could run in this process run as commands of their own."""


def _number(name: str, short: float, long: float) -> float:
    return float(os.environ.get(name) or (long if SOAK else short))


NUM_DEATHS = int(_number("PACELINE_DEATHS", 1, 20))
"""Number of kills during one sweep; PACELINE_SEED changes the random choices."""
NUM_NODE_DEATHS = int(_number("PACELINE_NODE_DEATHS", 1, 10))
"""Number of nodes that are killed during one sweep."""
NUM_DRAWS = int(_number("PACELINE_DRAWS", 20, 200))
"""Number of drawn faults (``tests/chaos``)."""
OUTAGE_S = _number("PACELINE_OUTAGE_S", 6, 60)
"""Length of an outage of MLflow's server in seconds."""


def pairs(first: Iterable[Any], second: Iterable[Any]) -> list[Any]:
    """Return the parameters of every pair; in the short form only about two pairs of each value run.

    A fault that only one particular pair shows is rare, and the number of pairs grows as a product.
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
    """Return the line that says whether the long form runs, for pytest's header."""
    if SOAK:
        deaths = f"{NUM_DEATHS} deaths, {NUM_NODE_DEATHS} of machines"
        return f"soak: {deaths}, an outage of {OUTAGE_S:g} s, {NUM_DRAWS} drawn faults"
    return "soak: tests of the long form are left out, `make soak` runs them"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests marked ``soak``, unless the long form runs."""
    if SOAK:
        return
    left = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if not item.get_closest_marker("soak")]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the row for ``tests/benchmarks/RESULTS.md`` after the long form."""
    if not SOAK:
        return
    found = {name: len(terminalreporter.stats.get(name, [])) for name in ("passed", "failed", "error", "skipped")}
    told = ", ".join(f"{count} {name}" for name, count in found.items() if count)
    print(f"\nsoak: {told}; {NUM_DEATHS} deaths, {NUM_NODE_DEATHS} of machines, an outage of {OUTAGE_S:g} s")
