"""One trial in a terminal: its place and end, its configuration, its curves, and its final retrainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from cluster.terminal import formatting
from search_spaces.criteria.metric_names import on_test
from search_spaces.types.values import Value, restored

CURVE_WIDTH = 40
FIRST = ("loss", "grad_norm")
"""Curves that follow that of the objective: losses of training and validation, then the gradient's norm."""
GAP = "generalization_gap_"


def lines(found: Mapping[str, Any]) -> list[Text]:
    """Return the lines of a trial's document, as ``paceline show ID TRIAL`` prints them."""
    blocks = (_head(found), _configuration(found), _curves(found), _finals(found), _failure(found), _where(found))
    return [line for block in blocks if (made := list(block)) for line in (*made, Text(""))][:-1]


def _head(found: Mapping[str, Any]) -> Iterator[Text]:
    place = f"{found['place']} of {found['num_trials']} by {found['metric']['name']}"
    role = ", the champion" if found["is_champion"] else ""
    yield Text().append(f"{found['name']} of sweep {found['sweep']}", "bold").append(f": {found['status']}{role}")
    yield Text(
        f"  place {place}; {formatting.count(found['epochs'], 'epoch')} in {formatting.span(found['seconds'])}"
    )
    best, last = formatting.measure(found["best_value"]), formatting.measure(found["value"])
    yield Text(f"  {found['metric']['name']} best {best}, last {last} ({found['metric']['goal']})")
    if seeds := found["seeds"]:
        values = ", ".join(map(formatting.measure, seeds["values"]))
        yield Text(f"  with {len(seeds['values'])} seeds {values}: mean {formatting.measure(seeds['mean'])}")
    if cached := found["cached_from"]:
        yield Text(f"  taken over from sweep {cached['sweep']} up to epoch {cached['epoch']}")
    yield from (Text(f"  {line}") for line in found["steered"])


def _configuration(found: Mapping[str, Any]) -> Iterator[Text]:
    rows, values = found["configuration"], restored({k: one["value"] for k, one in found["configuration"].items()})
    if not rows:
        return
    yield Text("configuration", "bold")
    named = [name for name, one in rows.items() if one["from"] != "default"]
    width = max(map(len, named), default=0)
    for name in named:
        origin = "" if rows[name]["from"] == "searched" else "  fixed in the spec"
        yield Text(f"  {name:<{width}}  {exactly(values[name])}").append(origin, "bright_black")
    for change in found["changes"]:
        yield Text(f"  from epoch {change['epoch'] + 1} on: {formatting.settings(restored(change['params']))}")
    if defaults := [f"{name}={exactly(value)}" for name, value in values.items() if name not in named]:
        yield Text(f"  defaults: {' '.join(defaults)}", "bright_black")


def exactly(value: Value) -> str:
    """Return a hyperparameter's value with all its digits, so that it can be typed again."""
    return repr(value) if isinstance(value, float) else formatting.setting(value)


def _curves(found: Mapping[str, Any]) -> Iterator[Text]:
    shown = chosen(found["curves"], found["metric"]["name"])
    if not shown:
        return
    yield Text("by epoch, each on its own scale", "bold").append("  first, last, lowest, highest", "bright_black")
    width = max(map(len, shown))
    for name, curve in shown.items():
        values = list(curve.values())
        drawn = formatting.sparkline(values, len(values), CURVE_WIDTH, (min(values), max(values)))
        ends = "  ".join(formatting.measure(v) for v in (values[0], values[-1], min(values), max(values)))
        yield Text(f"  {name:<{width}}  ").append(drawn, "cyan").append(f"  {ends}")


def chosen(curves: Mapping[str, Mapping[str, float]], objective: str) -> dict[str, Mapping[str, float]]:
    """Return the curves that a person looks for: objective, training's and validation's losses, gap, gradient."""
    _, _, measure = objective.partition("_")
    names = [objective, f"train_{measure}", "train_loss", "val_loss", f"{GAP}{measure}", f"{GAP}loss"]
    names += ["grad_norm", "lr"]
    return {name: curves[name] for name in dict.fromkeys(names) if name in curves}


def _finals(found: Mapping[str, Any]) -> Iterator[Text]:
    finals: Sequence[Mapping[str, Any]] = found["final_evaluation"]
    if not finals:
        return
    yield Text("final retrainings", "bold")
    metric = on_test(found["metric"]["name"])
    for one in finals:
        told = f"  seed {one['seed']}  {formatting.count(one['epochs'], 'epoch')}"
        told += f"  {found['metric']['name']} {formatting.measure(one['best_value'])}"
        scored = one["scores"].get(metric)
        yield Text(told + (f"  {metric} {formatting.measure(scored)}" if scored is not None else ""))


def _failure(found: Mapping[str, Any]) -> Iterator[Text]:
    if failure := found["failure"]:
        yield Text(f"why it ended: {failure['kind']}", "bold")
        yield from (Text(f"  {line}") for line in str(failure["text"]).splitlines())
        if failure["output"]:
            yield Text("its last lines", "bold")
            yield from (Text(f"  | {line}") for line in str(failure["output"]).splitlines())


def _where(found: Mapping[str, Any]) -> Iterator[Text]:
    if found["run_id"]:
        yield Text(f"MLflow run {found['run_id']}", "bright_black")
    if found["files"]:
        yield Text(f"saved files {found['files']}", "bright_black")
    if found["printed"]:
        yield Text(f"what it printed: paceline logs {found['sweep']} {found['name']}", "bright_black")
