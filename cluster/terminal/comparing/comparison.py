"""Comparisons of sweeps, and of a hyperparameter's values, in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.text import Text

from cluster.terminal import formatting
from cluster.terminal.comparing.spec_values import spec_value
from search_spaces.types.trial_names import trial_name

LABEL, CELL = 26, 25
"""Cells of the widest label and of the widest value; longer ones are cut."""


def sweep_lines(found: Mapping[str, Any], width: int = 80) -> list[Text]:
    """Return the lines of ``paceline compare ID ID``: a column a sweep, each difference in words, the specs.

    Of more sweeps than fit into ``width`` cells the columns go on below.
    """
    lines = _side_by_side(found["sweeps"], _rows(found), width)
    for one in found["differences"]:
        if one["mean"] is not None:
            sign = "+" if one["mean"] >= 0 else ""
            mean = f"{sign}{formatting.measure(one['mean'])}"
            told = f"{one['second']} − {one['first']}  {mean}  {formatting.interval(one['ci95'])}"
            lines += [Text(told), Text(f"  {one['how']}", "bright_black")]
        lines.append(Text(one["said"], "bold"))
    for one in found["sweeps"]:
        lines += [Text(f"{one['sweep']}: {text}", "bold red") for text in one["warnings"]]
    if len(found["differences"]) > 1:
        lines.append(Text("Each interval holds on its own: of many comparisons some are wrong.", "bright_black"))
    if spec := found["spec"]:
        rows = [(key, list(map(spec_value, values))) for key, values in spec.items()]
        lines += [Text(""), Text("what differs in their sweep files", "bold")]
        lines += _side_by_side(found["sweeps"], rows, width)
    return lines


def _rows(found: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return a row for each thing that is told of every sweep: its label, and a cell a sweep."""
    sweeps, metric = found["sweeps"], found["metric"]["name"]
    each: list[tuple[str, Callable[[Mapping[str, Any]], str]]] = [
        ("name", lambda one: one["name"]),
        ("workload", lambda one: one["workload"]),
        ("champion", lambda one: trial_name(one["champion"])),
        (metric, lambda one: formatting.measure(one["mean"])),
        ("95 % interval", lambda one: formatting.interval(one["ci95"])),
        ("seeds", lambda one: str(one["seeds"])),
        ("defaults", lambda one: formatting.measure(one["defaults"]["mean"])),
    ]
    for name in dict.fromkeys(base["name"] for one in sweeps for base in one["baselines"]):
        each.append((str(name), lambda one, name=name: _baseline(one, name)))  # type: ignore[misc]
    each += [
        ("trials", lambda one: str(one["trials"])),
        ("epochs", lambda one: str(one["epochs_trained"])),
        ("time", lambda one: formatting.span(one["seconds"])),
    ]
    rows = [(label, [cell(one) for one in sweeps]) for label, cell in each]
    if any(one["metric"] != metric for one in sweeps):
        rows.insert(3, ("metric", [one["metric"] for one in sweeps]))
    return rows


def _baseline(sweep: Mapping[str, Any], name: str) -> str:
    means = {one["name"]: one["mean"] for one in sweep["baselines"]}
    return formatting.measure(means.get(name))


def _side_by_side(
    sweeps: Sequence[Mapping[str, Any]], rows: Sequence[tuple[str, Sequence[str]]], width: int
) -> list[Text]:
    """Return blocks of lines with a column for each sweep, as many in a block as fit, and an empty line each."""
    label = min(max(len(name) for name, _ in rows), LABEL)
    cell = max(len(sweep["sweep"]) for sweep in sweeps)
    cell = min(max([cell, *(len(one) for _, cells in rows for one in cells)]), CELL)
    at_once = max(1, (width - label) // (cell + 2))
    made: list[Text] = []
    for begin in range(0, len(sweeps), at_once):
        part = slice(begin, begin + at_once)
        heads = "".join(f"  {one['sweep']:<{cell}}" for one in sweeps[part])
        made.append(Text(f"{'':<{label}}{heads}".rstrip(), "bold"))
        for name, cells in rows:
            line = "".join(f"  {formatting.shorten(one, cell):<{cell}}" for one in cells[part])
            made.append(Text(f"{formatting.middle(name, label):<{label}}{line}".rstrip()))
        made.append(Text(""))
    return made


def parameter_lines(found: Mapping[str, Any]) -> list[Text]:
    """Return the lines of ``paceline compare ID PARAMETER``: a table of groups and what it says, for each view."""
    name = found["parameter"]
    lines = [
        Text(f"{found['sweep']}: {found['metric']['name']} by {name}", "bold").append(
            f" ({found['metric']['goal']})"
        )
    ]
    for view in found["views"]:
        rows = [
            (
                one["value"],
                str(one["trials"]),
                formatting.measure(one["mean"]),
                formatting.interval(one["ci95"]),
                formatting.measure(one["best"]),
            )
            for one in view["groups"]
        ]
        lines += [Text(""), Text(view["what"])]
        lines += [Text("  ") + line for line in _table((name, "trials", "mean", "95 % interval", "best"), rows)]
        lines.append(Text(f"  {view['said']}", "bold"))
    if not found["views"]:
        lines.append(Text("no trial has a value that can be compared"))
    if found["left_out"]:
        left_out = formatting.count(found["left_out"], "trial")
        lines += [
            Text(""),
            Text(f"{left_out} left out: without values, failed, or breaking a constraint", "bright_black"),
        ]
    return [*lines, Text(found["caveat"], "bright_black")]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Text]:
    """Return a head line and a line a row, in columns as wide as their longest cell; numbers to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    left = [not any(row[k][:1].isdigit() or row[k][:1] == "-" for row in rows) for k in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        pairs = zip(cells, widths, left, strict=True)
        return "  ".join(cell.ljust(w) if to_left else cell.rjust(w) for cell, w, to_left in pairs).rstrip()

    return [Text(line(heads), "bright_black"), *(Text(line(row)) for row in rows)]
