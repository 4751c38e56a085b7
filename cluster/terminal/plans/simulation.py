"""Shows simulated searches: a line for each schedule and number of workers, and the document of ``--json``."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cluster.terminal import formatting
from cluster.terminal.criteria import told
from search_spaces.simulation.recorded import Recorded
from search_spaces.simulation.runs import Run, marks, means
from search_spaces.simulation.simulable import not_simulated
from search_spaces.spec.sweep import Sweep


def document(sweep: Sweep, recorded: Recorded, table: Path, runs: Sequence[Run]) -> dict[str, Any]:
    """Return the document of ``--json``."""
    return {
        "table": str(table),
        "metric": {"name": sweep.metric.name, "goal": sweep.metric.goal},
        "configurations": len(recorded.values),
        "left_out": recorded.num_short,
        "unused_columns": list(recorded.unused),
        "not_simulated": not_simulated(sweep, recorded),
        "best_value": recorded.top,
        "marks": marks(runs),
        "means": [{**asdict(mean), "regret": [_number(value) for value in mean.regret]} for mean in means(runs)],
        "runs": [
            {**asdict(run), "regret": [[time_s, _number(regret)] for time_s, regret in run.regret]} for run in runs
        ],
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _best(sweep: Sweep, recorded: Recorded) -> str:
    if recorded.top is None:
        return "no configuration of the table keeps the constraints"
    among = f", with {told(recorded.criteria)}" if recorded.criteria.constraints else ""
    return f"{sweep.metric.name} {recorded.top:.4g} in the table{among}"


def lines(sweep: Sweep, recorded: Recorded, table: Path, runs: Sequence[Run]) -> list[str]:
    """Return the comparison as lines for people."""
    seeds = len({run.seed for run in runs})
    head = {
        "table": f"{table.name}: {formatting.count(len(recorded.values), 'configuration')}, "
        f"{formatting.count(recorded.epochs, 'epoch')} each{_left_out(recorded)}",
        "search": f"{sweep.method}, {formatting.count(runs[0].trials, 'trial')}, {formatting.count(seeds, 'seed')}",
        "best": _best(sweep, recorded),
    }
    if recorded.unused:
        head["not used"] = "columns " + ", ".join(recorded.unused)
    of = f", in {sweep.metric.name} alone" if recorded.criteria.others else ""
    return [
        *(f"{name:<9} {text}" for name, text in head.items()),
        *(f"{'left out':<9} {text}" for text in not_simulated(sweep, recorded)),
        "",
        *_columns([_head(runs), *_rows(runs)]),
        *_ended(runs),
        "",
        f"regret: how far the best trial by then is from the best of the table{of}, as it ends; "
        "means over the seeds",
    ]


def _ended(runs: Sequence[Run]) -> list[str]:
    """Return a line on each reason that ended runs early."""
    found = Counter(run.ended_by for run in runs if run.ended_by)
    return ["", *(f"{num} of {len(runs)} runs ended early: {why}" for why, num in found.items())] if found else []


def _left_out(recorded: Recorded) -> str:
    return f" ({recorded.num_short} left out, with fewer)" if recorded.num_short else ""


def _head(runs: Sequence[Run]) -> list[str]:
    times = [formatting.span(time_s) for time_s in marks(runs)]
    shown = [f"regret {times[0]}", *times[1:]]
    return ["schedule", "workers", "time", "epochs", "use", "promoted", "to the end", *shown]


def _rows(runs: Sequence[Run]) -> list[list[str]]:
    return [
        [
            mean.schedule,
            str(mean.lanes),
            formatting.span(mean.seconds),
            f"{mean.epochs:.0f}",
            f"{mean.lane_use:.0%}",
            f"{mean.promotions:.0f}",
            f"{mean.trained_to_end:.1f}",
            *("–" if math.isnan(regret) else f"{regret:.4g}" for regret in mean.regret),
        ]
        for mean in means(runs)
    ]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align rows in columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
