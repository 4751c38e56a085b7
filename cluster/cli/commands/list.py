"""Command ls: lists the sweeps of this folder, those it has submitted, and those in MLflow."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from click import ClickException

from cluster.cli.commands.on_target import chosen
from cluster.cli.commands.shared import print_json, reading
from cluster.cli.options import JSON, ON
from cluster.exit_codes import FINISHED
from cluster.python.showing import console
from cluster.sweep.home import SweepHome
from cluster.targets import submitted
from cluster.targets.contract import LOCAL, SweepJob, TargetError
from cluster.targets.parse import parse_target
from cluster.terminal import formatting
from search_spaces.types.driver_errors import StudyAway
from search_spaces.types.faults import SpecError
from search_spaces.types.files.kept_code import name_shown

if TYPE_CHECKING:
    from tracking.store.records import FoundRun

UNREACHABLE, FORGOTTEN, DAMAGED = "unreachable", "unknown", "damaged"
COLUMNS = {
    "id": 100,
    "name": 80,
    "workload": 30,
    "state": 90,
    "trials": 60,
    "best": 70,
    "started": 50,
    "owner": 10,
    "target": 20,
}
"""Columns and their importance: a narrow terminal leaves out the least important ones."""
FIELDS = ("sweep", "name", "workload", "state", "trials", "planned", "metric", "best", "started", "owner", "target")
"""Keys of each sweep in ``--json``; null where nobody knows."""
MAX_NAME = 24
"""Characters of a name; longer ones are cut."""

Listed = dict[str, Any]


@click.command()
@ON
@JSON
def ls(on: str | None, as_json: bool) -> int:
    """List sweeps: here, submitted, in MLflow."""
    on = chosen(on)
    # A sweep found in several places is listed once: by this folder's home, unless a cluster drives it, else by its
    # target, completed from MLflow.
    found = {row["sweep"]: row for row in _stored()}
    found |= {row["sweep"]: {**found.get(row["sweep"], {}), **row} for row in _submitted(on)}
    found |= {row["sweep"]: row for row in map(_here, SweepHome.all()) if row["sweep"] not in _away(found)}
    newest = sorted(found.values(), key=lambda row: (row["started"], row["sweep"]), reverse=True)
    rows = [{**dict.fromkeys(FIELDS), **row, "started": _minute(row["started"])} for row in newest]
    if as_json:
        print_json(rows)
    elif rows:
        _print_table(rows)
    else:
        print(f"there is no sweep in {_looked()}; `paceline demo` makes one")
    return FINISHED


def _looked() -> str:
    """Return where sweeps were looked for: another folder than this one is named with the variable that says so."""
    return f"PACELINE_HOME={home}" if (home := os.environ.get("PACELINE_HOME")) else "this folder"


def _away(found: dict[str, Listed]) -> set[str]:
    """Return the IDs of the sweeps on a cluster: this machine may see their homes, but not their drivers."""
    return {row["sweep"] for row in found.values() if row["target"] != LOCAL and row["state"] != FORGOTTEN}


def _here(home: SweepHome) -> Listed:
    try:
        read = reading(home)
    except (ClickException, OSError, ValueError) as error:  # its database is away, or its files are damaged
        print(f"{home.id}: {error.message if isinstance(error, ClickException) else error}", file=sys.stderr)
        return {
            "sweep": home.id,
            "name": _name(home),
            "state": UNREACHABLE if _is_away(error) else DAMAGED,
            "started": home.began_s,
            "owner": home.owner,
            "target": LOCAL,
        }
    sweep = read.sweep
    return {
        "sweep": home.id,
        "name": sweep.name,
        "workload": name_shown(sweep.workload),
        "state": read.state,
        "trials": len(read.rows),
        "planned": sweep.trials,
        "metric": sweep.metric.name,
        "best": read.best.best_value if read.best else None,
        "started": home.began_s,
        "owner": home.owner,
        "target": LOCAL,
    }


def _is_away(error: Exception) -> bool:
    return isinstance(error.__cause__, StudyAway)


def _name(home: SweepHome) -> str:
    try:
        return home.sweep().name
    except (SpecError, OSError):
        return formatting.NOTHING


def _submitted(on: str | None) -> Iterator[Listed]:
    """Yield the sweeps that this folder submitted, and all sweeps of their targets and of target ``on``."""
    for error in submitted.unreadable():
        print(error, file=sys.stderr)
    entries = {entry.id: entry for entry in submitted.entries()}
    for text in dict.fromkeys([*filter(None, [on]), *(entry.target for entry in entries.values())]):
        jobs = _asked(text)
        mine = [entry for entry in entries.values() if entry.target == text]
        for job in (jobs or {}).values():
            yield _job_row(job, text)
        for entry in mine:
            if jobs is None or entry.id not in jobs:
                state = UNREACHABLE if jobs is None else FORGOTTEN
                began = datetime.fromisoformat(entry.submitted_at).timestamp()
                yield {
                    "sweep": entry.id,
                    "name": entry.name,
                    "state": state,
                    "started": began,
                    "owner": entry.owner,
                    "target": text,
                }


def _asked(text: str) -> dict[str, SweepJob] | None:
    """Return the target's jobs by sweep ID; None, with a message, where it cannot be reached."""
    if text == LOCAL:
        return {}
    try:
        return {job.id: job for job in parse_target(text).sweeps()}
    except (TargetError, ValueError) as error:
        print(f"{text}: {error}", file=sys.stderr)
        return None


def _job_row(job: SweepJob, target: str) -> Listed:
    began = datetime.fromisoformat(job.submitted_at).timestamp() if job.submitted_at else 0.0
    return {
        "sweep": job.id,
        "name": job.name,
        "state": job.state,
        "started": began,
        "owner": job.owner,
        "target": target,
    }


def _stored() -> Iterator[Listed]:
    """Yield the sweeps in MLflow; none, with a message, where MLflow cannot be read."""
    from tracking.results.table import sweeps
    from tracking.store.errors import Away, Refused

    try:
        runs = sweeps(None)
    except FileNotFoundError:
        return
    except (Away, Refused) as error:
        print(f"MLflow: {error}", file=sys.stderr)
        return
    yield from map(_run_row, runs)


def _run_row(run: FoundRun) -> Listed:
    from tracking import names

    def count(key: str) -> int | None:
        return int(run.metrics[key][0]) if key in run.metrics else None

    metric, state = run.tags.get(names.SWEEP_METRIC, ""), run.tags.get(names.SWEEP_STATE, "")
    return {
        "sweep": run.tags[names.SWEEP_ID],
        "name": run.tags.get(names.SWEEP_NAME, ""),
        "workload": run.tags.get(names.SWEEP_WORKLOAD, ""),
        "state": names.EARLIER_STATES.get(state, state),
        "trials": count("sweep/trials"),
        "planned": count("sweep/planned"),
        "metric": metric,
        "best": run.metrics.get(names.best(metric), (None, 0))[0],
        "started": run.start_ms / 1000,
        "owner": run.tags.get(names.USER, ""),
        "target": run.tags.get(names.SWEEP_TARGET, LOCAL),
    }


def _minute(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _print_table(rows: list[Listed]) -> None:
    from cluster.terminal.leaderboard import BoardColumn, table

    screen = console()
    cells = [_cells(row) for row in rows]
    columns = [
        BoardColumn(head, [(one[head], "") for one in cells], keep, right=head in ("trials", "best"))
        for head, keep in COLUMNS.items()
    ]
    for line in table(columns, len(rows), screen.width):
        screen.print(line, soft_wrap=True, highlight=False, markup=False)


def _cells(row: Listed) -> dict[str, str]:
    known = row.get("trials") is not None
    return {
        "id": row["sweep"],
        "name": formatting.shorten(row["name"], MAX_NAME),
        "workload": formatting.shorten(row["workload"] or "", MAX_NAME),
        "state": row["state"],
        "trials": f"{row['trials']}/{row['planned']}" if known else formatting.NOTHING,
        "best": f"{row['metric']} {formatting.measure(row['best'])}" if known else formatting.NOTHING,
        "started": row["started"],
        "owner": row["owner"],
        "target": row["target"],
    }
