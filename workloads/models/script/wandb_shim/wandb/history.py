"""What a run logs: lines in the file of reports, and the summary, which is the last value of each name."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .items import Items
from .messages import Error
from .run_config import plain

AGGREGATES = ("min", "max", "mean", "last", "first", "best", "copy", "none")


def number(value: Any) -> float | int | None:
    """Return a number for a number, boolean or scalar of NumPy, torch or TensorFlow; None for anything else."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, str | bytes | Mapping | list | tuple) or value is None:
        return None
    if getattr(value, "size", 1) == 1 or callable(getattr(value, "numel", None)):
        try:
            found = value.item() if hasattr(value, "item") else float(value)
        except (TypeError, ValueError, RuntimeError):
            return None
        return int(found) if isinstance(found, bool) else found if isinstance(found, int | float) else None
    return None


def flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield names and values; those in mappings have dotted names, as W&B shows them."""
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


_starts: dict[str, int] = {}
"""Step at which the next run begins, by the file of reports."""


class Reports:
    """The file of reports; without one, as outside of a sweep, nothing is written."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self.start = _starts.get(path or "", 0)
        """Step, as reported, of the run's step 0: one behind those of the script's runs before it."""

    def end(self, step: int) -> None:
        """Let what the next run of the script reports come behind ``step`` of this one."""
        _starts[self._path or ""] = self.start + step + 1

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one report. Processes may write at once: a line is one call."""
        if self._path:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, f"{json.dumps(line)}\n".encode())
            finally:
                os.close(file)


class Metric:
    """What ``define_metric`` returns: how a name is summarised, and what it is plotted against."""

    def __init__(
        self, name: str, step_metric: str | None, summary: tuple[str, ...] | None, goal: str | None
    ) -> None:
        self.name, self.step_metric, self.summary, self.goal = name, step_metric, summary, goal

    def matches(self, name: str) -> bool:
        """Whether a logged name is meant."""
        return name.startswith(self.name[:-1]) if self.name.endswith("*") else name == self.name


def defined(name: str, step_metric: Any, summary: str | None, goal: str | None) -> Metric:
    """Return the metric of a call of ``define_metric``. Raises Error as W&B does."""
    if not name:
        raise Error("define_metric() requires non-empty name argument")
    if "*" in name.rstrip("*") or name.endswith("**"):
        raise Error(f"Unhandled define_metric() arg: name (glob suffixes only): {name}")
    kinds = tuple(kind.strip().lower() for kind in summary.split(",")) if summary else None
    for kind in kinds or ():
        if kind not in AGGREGATES:
            raise Error(f"Unhandled define_metric() arg: summary op: {kind}")
    return Metric(name, getattr(step_metric, "name", step_metric), kinds, goal)


class Summary(Items):
    """Values of the whole run, as items and as attributes: the last ones logged, or those that the script sets."""

    _own: set[str]
    _count: dict[str, tuple[int, float]]

    def __init__(self) -> None:
        super().__init__(_own=set(), _count={})

    def took(self, name: str, value: Any, metric: Metric | None) -> None:
        """Take up a logged value."""
        if name in self._own:
            self._own.discard(name)
        kinds = metric.summary if metric else None
        if not kinds or "copy" in kinds:
            self._items[name] = value
        elif "none" not in kinds and (found := number(value)) is not None and not math.isnan(found):
            self._aggregate(name, found, metric, kinds)

    def _aggregate(self, name: str, value: float, metric: Metric | None, kinds: tuple[str, ...]) -> None:
        old = self._items.get(name)
        now = dict(old) if isinstance(old, dict) else {}
        count, total = self._count.get(name, (0, 0.0))
        self._count[name] = (count + 1, total + value)
        best = "max" if metric and (metric.goal or "").startswith("max") else "min"
        ways: dict[str, Callable[[], float]] = {
            "min": lambda: min(now.get("min", value), value),
            "max": lambda: max(now.get("max", value), value),
            "mean": lambda: (total + value) / (count + 1),
            "last": lambda: value,
            "first": lambda: now.get("first", value),
            "best": lambda: (max if best == "max" else min)(now.get("best", value), value),
        }
        self._items[name] = now | {kind: ways[kind]() for kind in kinds}

    def _put(self, name: str, value: Any) -> None:
        self._items[name] = value if not isinstance(value, Mapping) else dict(value)
        self._own.add(name)

    def update(self, d: Any = None, **more: Any) -> None:
        """Set values."""
        for name, value in {**(dict(d.items()) if d is not None else {}), **more}.items():
            self._put(name, value)

    def __delitem__(self, name: str) -> None:
        del self._items[name]

    def numbers(self) -> dict[str, float]:
        """Return the numbers, with dotted names of those in mappings."""
        pairs = ((name, number(value)) for name, value in flat(plain_numbers(self._items)))
        return {name: value for name, value in pairs if value is not None}


def plain_numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are numbers, or mappings."""
    return {k: v for k, v in values.items() if isinstance(v, Mapping) or number(v) is not None}


__all__ = ["Metric", "Reports", "Summary", "defined", "flat", "number", "plain"]
