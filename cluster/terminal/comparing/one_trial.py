"""One trial in a terminal: its place and end, its configuration, its curves, and its final retrainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from cluster.terminal import formatting
from cluster.terminal.comparing.frames import own_frames
from search_spaces.criteria.metric_names import on_test
from search_spaces.types.values import Value, restored

CURVE_WIDTH = 40
FIRST = ("loss", "grad_norm")
"""Curves that follow that of the objective: losses of training and validation, then the gradient's norm."""
GAP = "generalization_gap_"
SHOWN = 8
"""Number of trials that are named of those that trained together with one."""
UNITS = {
    "params_m": "{:.4g} M parameters",
    "latency_ms": "{:.3g} ms an example",
    "training_s": "{:.3g} s of training",
    "peak_memory_mib": "{:.0f} MiB of memory",
    "examples_per_s": "{:.0f} examples/s",
}
"""How what a trial cost is told."""


def lines(found: Mapping[str, Any]) -> list[Text]:
    """Return the lines of a trial's document, as ``paceline show ID TRIAL`` prints them."""
    blocks = (_head, _configuration, _curves, _training, _finals, _failure, _where)
    return [line for block in blocks if (made := list(block(found))) for line in (*made, Text(""))][:-1]


def _head(found: Mapping[str, Any]) -> Iterator[Text]:
    place = f"place {found['place']} of {found['num_trials']} by {found['metric']['name']}; "
    role = ", the champion" if found["is_champion"] else ""
    yield Text().append(f"{found['name']} of sweep {found['sweep']}", "bold").append(f": {found['status']}{role}")
    yield Text(
        f"  {place if found['best_value'] is not None else ''}{formatting.count(found['epochs'], 'epoch')} in "
        f"{formatting.span(found['seconds'])}"
    )
    best, last = formatting.measure(found["best_value"]), formatting.measure(found["value"])
    yield Text(f"  {found['metric']['name']} best {best}, last {last} ({found['metric']['goal']})")
    yield Text(f"  {found['ended']}")
    if costs := found["costs"]:
        yield Text(f"  {', '.join(_cost(name, value) for name, value in costs.items())}")
    if seeds := found["seeds"]:
        values = ", ".join(map(formatting.measure, seeds["values"]))
        yield Text(f"  with {len(seeds['values'])} seeds {values}: mean {formatting.measure(seeds['mean'])}")
    if cached := found["cached_from"]:
        yield Text(f"  taken over from sweep {cached['sweep']} up to epoch {cached['epoch']}")
    yield from (Text(f"  {line}") for line in found["steered"])


def _cost(name: str, value: float) -> str:
    """Return a cost with its unit in words."""
    return UNITS[name].format(value)


def _training(found: Mapping[str, Any]) -> Iterator[Text]:
    for k, one in enumerate(found["training"]):
        if k == 0:
            yield Text("trained", "bold")
        first, last = one["from_epoch"], one["to_epoch"]
        epochs = f"epoch {first}" if first == last else f"epochs {first} to {last}" if last > first else "no epoch"
        line = f"  {epochs}  in {formatting.span(one['seconds'])}  worker {one['worker'] or 'unknown'}"
        together = one["together_with"]
        beside = f" beside {' '.join(together[:SHOWN])}{' …' if len(together) > SHOWN else ''}" if together else ""
        yield Text(f"{line}{beside}{'  failed' if one['failed'] else ''}")


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
        values, at = list(curve.values()), {int(epoch): value for epoch, value in curve.items()}
        drawn = formatting.sparkline(at, max(at), CURVE_WIDTH, (min(values), max(values)))
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
        yield from (Text(f"  {line}") for line in own_frames(str(failure["text"])).splitlines())
        if failure["output"]:
            yield Text("its last lines", "bold")
            yield from (Text(f"  | {line}") for line in str(failure["output"]).splitlines())


def _where(found: Mapping[str, Any]) -> Iterator[Text]:
    if found["run_id"]:
        yield Text(f"MLflow run {found['run_url'] or found['run_id']}", "bright_black")
    if found["files"]:
        yield Text(f"saved files {found['files']}", "bright_black")
    if found["printed"]:
        yield Text(f"what it printed: paceline logs {found['sweep']} {found['name']}", "bright_black")
