"""Two trials side by side in a terminal: what differs, and their curves on one scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from cluster.terminal import formatting
from cluster.terminal.comparing.one_trial import CURVE_WIDTH, chosen, exactly
from cluster.terminal.comparing.spec_values import NONE, spec_value
from search_spaces.types.values import restored

WIDEST = 36
"""Cells of a value; longer ones are cut."""
LABELS = {"best_value": "best", "value": "last"}


def lines(found: Mapping[str, Any]) -> list[Text]:
    """Return the lines of ``paceline diff``."""
    heads = [f"{one['trial']} of {one['sweep']}" for one in found["trials"]]
    blocks = [
        _columns("", heads, _results(found), "bold"),
        _columns("configuration", [], _settings(found)),
        _columns("spec", [], [(name, [_word(one) for one in both]) for name, both in found["spec"].items()]),
        list(_curves(found, heads)),
    ]
    told = [line for block in blocks if block for line in (*block, Text(""))]
    equal = formatting.count(found["num_equal"], "hyperparameter")
    return [*told, Text(f"{equal} of equal value", "bright_black"), *_warned(found)]


def _warned(found: Mapping[str, Any]) -> Iterator[Text]:
    if not found["comparable"]:
        first, second = (f"{one['name']} ({one['goal']})" for one in found["metrics"])
        yield Text(f"the sweeps' metrics differ, {first} and {second}: their values are not comparable", "bold red")


def _results(found: Mapping[str, Any]) -> list[tuple[str, Sequence[str]]]:
    names = [one["name"] for one in found["metrics"]]
    metric = names[0] if names[0] == names[1] else "value"
    told: list[tuple[str, Sequence[str]]] = []
    for name, both in found["results"].items():
        label = f"{metric} {LABELS[name]}" if name in LABELS else name
        told.append((label, [_result(name, value) for value in both]))
    return told


def _result(name: str, value: Any) -> str:
    if name in LABELS:
        return formatting.measure(value)
    return formatting.span(value) if name == "seconds" else str(value)


def _settings(found: Mapping[str, Any]) -> list[tuple[str, Sequence[str]]]:
    told: list[tuple[str, Sequence[str]]] = []
    for name, both in found["configuration"].items():
        words = [NONE if value is None else exactly(restored({name: value})[name]) for value in both]
        told.append((name, words))
    return told


def _word(value: Any) -> str:
    return formatting.shorten(spec_value(value), WIDEST)


def _columns(
    title: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], style: str = ""
) -> list[Text]:
    """Return a line a row in three columns, the differing values bold; nothing without rows."""
    if not rows:
        return []
    table = [("", list(heads)), *rows] if heads else list(rows)
    width = max(cell_len(label) for label, _ in table)
    middle = max(cell_len(values[0]) for _, values in table)
    made = [Text(title, "bold")] if title else []
    for label, (first, second) in table:
        line = Text(f"  {label:<{width}}  ")
        line.append(first.ljust(middle), style if label == "" else "").append(
            f"  {second}", style if label == "" else ""
        )
        made.append(line)
    return made


def _curves(found: Mapping[str, Any], heads: Sequence[str]) -> Iterator[Text]:
    metrics = [one["name"] for one in found["metrics"]]
    if metrics[0] != metrics[1]:
        return
    both = [chosen(curves, metrics[0]) for curves in found["curves"]]
    names = [name for name in both[0] if name in both[1]]
    if not names:
        return
    yield Text("by epoch, both on one scale", "bold").append("  and the last value", "bright_black")
    width, wide = max(map(len, names)), max(map(len, heads))
    for name in names:
        found_at = [{int(epoch): value for epoch, value in curves[name].items()} for curves in both]
        horizon, ends = max(map(max, found_at)), [value for one in found_at for value in one.values()]
        for head, one in zip(heads, found_at, strict=True):
            drawn = formatting.sparkline(one, horizon, CURVE_WIDTH, (min(ends), max(ends)))
            label = name if head == heads[0] else ""
            line = Text(f"  {label:<{width}}  {head:<{wide}}  ").append(
                f"{drawn:<{min(horizon, CURVE_WIDTH)}}", "cyan"
            )
            yield line.append(f"  {formatting.measure(one[max(one)])}")
