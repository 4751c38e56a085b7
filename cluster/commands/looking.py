"""Commands that look at sweeps and change nothing: ls, show, best."""

from __future__ import annotations

import time
from typing import Any

from cluster import summary, words
from cluster.commands import FINISHED
from cluster.commands.common import Failure, console, find, print_json, reading, write_new
from cluster.commands.running import tell_end
from cluster.home import SweepHome


def show(reference: str, top: int, as_json: bool) -> int:
    """The summary of a sweep, running or not."""
    tell_end(reading(find(reference)), as_json, top=top)
    return FINISHED


def best(reference: str, output: str | None, as_json: bool) -> int:
    """The best configuration, as YAML or JSON."""
    home = find(reference)
    document = summary.document(reading(home))
    found = document["best"]
    if not found:
        raise Failure(f"sweep {home.id} has no successful trial yet")
    text = _yaml(home, document)
    if output:
        write_new(output, text)
    if as_json:
        print_json(found)
    else:
        print(f"wrote {output}" if output else text, end="\n" if output else "")
    return FINISHED


def _yaml(home: SweepHome, document: dict[str, Any]) -> str:
    from io import StringIO

    from ruamel.yaml import YAML

    found, stream = document["best"], StringIO()
    number, metric = words.trial_name(found["number"]), document["metric"]["name"]
    stream.write(f"# sweep {home.id}, trial {number}: {metric} {found['value']}\n")
    YAML().dump(dict(found["params"]), stream)
    return stream.getvalue()


def ls(as_json: bool) -> int:
    """The sweeps of this folder, newest first."""
    rows = [_listed(home) for home in SweepHome.all()]
    if as_json:
        print_json(rows)
    elif rows:
        _print_table(rows)
    else:
        print("there is no sweep in this folder; `paceline demo` makes one")
    return FINISHED


def _listed(home: SweepHome) -> dict[str, Any]:
    read = reading(home)
    sweep = read.sweep
    return {
        "sweep": home.id,
        "name": sweep.name,
        "workload": sweep.workload,
        "state": read.state,
        "trials": len(read.rows),
        "planned": sweep.trials,
        "metric": sweep.metric.name,
        "best": read.best.best_value if read.best else None,
        "started": time.strftime("%Y-%m-%d %H:%M", time.localtime(home.spec.stat().st_mtime)),
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bright_black")
    for head in ("id", "name", "workload", "state", "trials", "best", "started"):
        table.add_column(head, justify="right" if head in ("trials", "best") else "left", no_wrap=True)
    for row in rows:
        trials, value = f"{row['trials']}/{row['planned']}", f"{row['metric']} {words.measure(row['best'])}"
        table.add_row(row["sweep"], row["name"], row["workload"], row["state"], trials, value, row["started"])
    console().print(table)
