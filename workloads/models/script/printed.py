"""Finds metrics in printed lines: ``epoch=3 val_acc=0.91``, JSON objects, or a pattern of the spec."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from workloads.models.script.epochs import EPOCH, Report

_NUMBER = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|nan|inf(?:inity)?)(?![\w.]|,\d)"
_PAIR = re.compile(rf"(?<![\w./-])([A-Za-z_][\w./-]*)\s*=\s*({_NUMBER})", re.IGNORECASE)
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What terminals take for colours, and loggers may print anyway."""
MAX_LINE = 10_000
"""Characters of a line that are looked at."""


class Printed:
    """Metrics in printed lines. A line counts that has one of the ``wanted`` names in it, or an epoch.

    ``counter`` is the name whose value is the epoch's number. Of a name that stands more than once in a line the
    first value counts, as "val_acc=0.7 (best val_acc=0.9)" is meant.
    """

    def __init__(self, pattern: str | None, wanted: Collection[str], counter: str = EPOCH) -> None:
        self._pattern = re.compile(pattern) if pattern else None
        self._wanted, self._counter = {*wanted, EPOCH}, counter
        self._found: list[Report] = []
        self.names: dict[str, None] = {}
        """Names of all that looks like a metric, also in lines that do not count."""
        self.again: set[str] = set()
        """Those that have had different values in one line."""

    def line(self, text: str, stays: bool = True) -> None:
        """Look at a line; one that does not stay, as a progress bar shows one value many times, needs a number."""
        metrics: dict[str, float] = {}
        for name, value in self._metrics(_COLOUR.sub("", text[:MAX_LINE]).strip()):
            if name not in metrics:
                metrics[name] = value
            elif value != metrics[name]:
                self.again.add(name)
        if metrics:
            self.names |= dict.fromkeys(metrics)
        if not stays and self._pattern is None and self._counter not in metrics:
            return
        if metrics.keys() & self._wanted:
            self._found.append(Report(metrics))

    def new(self) -> list[Report]:
        """Return the reports since the last call."""
        found, self._found = self._found, []
        return found

    def _metrics(self, text: str) -> Iterator[tuple[str, float]]:
        if self._pattern is not None:
            return _matched(self._pattern, text)
        if text.startswith("{") and text.endswith("}"):
            return _numbers(_read(text))
        return ((name, float(value)) for name, value in _PAIR.findall(text)) if "=" in text else iter(())


def _matched(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, float]]:
    for found in pattern.finditer(text):
        groups = found.groupdict()
        if {"name", "value"} <= groups.keys():
            groups = {str(groups["name"]).strip(): groups["value"]}
        yield from _numbers(groups)


def _read(text: str) -> Any:
    """Return the JSON object of a line, or Python's dict, as transformers prints it; None if it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def _numbers(found: Any, above: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of a mapping, also those written as text; of inner mappings by their names joined."""
    for name, value in found.items() if isinstance(found, Mapping) else ():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{above}{name}.")
        elif (number := as_number(value)) is not None:
            yield f"{above}{name}", number


def as_number(value: Any) -> float | None:
    """Return a value as a number; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.inf if isinstance(value, int) else None
