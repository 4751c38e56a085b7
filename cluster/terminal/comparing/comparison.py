"""Comparisons of sweeps, and of a hyperparameter's values, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from cluster.terminal import formatting
from search_spaces.types.trial_names import trial_name


def sweep_lines(found: Mapping[str, Any]) -> list[Text]:
    """Return the lines of ``paceline compare ID ID``: the champions in a table, then each difference in words."""
    heads = (
        "sweep",
        "name",
        "workload",
        "champion",
        found["metric"]["name"],
        "95 % interval",
        "seeds",
        "trials",
        "time",
    )
    rows = [
        (
            one["sweep"],
            formatting.shorten(one["name"], 16),
            formatting.shorten(one["workload"], 14),
            trial_name(one["champion"]),
            formatting.measure(one["mean"]),
            formatting.interval(one["ci95"]),
            str(one["seeds"]),
            str(one["trials"]),
            formatting.span(one["seconds"]),
        )
        for one in found["sweeps"]
    ]
    lines = [*_table(heads, rows), Text("")]
    for one in found["differences"]:
        if one["mean"] is not None:
            label = f"{one['second']} − {one['first']}"
            value = f"{one['mean']:+.4g}  {formatting.interval(one['ci95'])}"
            lines.append(Text(f"{label}  {value}  ").append(one["how"], "bright_black"))
        lines.append(Text(one["said"], "bold"))
    for one in found["sweeps"]:
        lines += [Text(f"{one['sweep']}: {text}", "bold red") for text in one["warnings"]]
    if len(found["differences"]) > 1:
        lines.append(Text("Each interval holds on its own: of many comparisons some are wrong.", "bright_black"))
    return lines


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
