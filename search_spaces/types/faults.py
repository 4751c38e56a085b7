"""Faults of a spec: the place, the broken rule, the value received, the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from search_spaces.types.passwords import masked

_SHOWN = 60
MAX_LINES = 100
"""Number of faults that are printed; of further ones only the number."""


@dataclass(frozen=True)
class Fault:
    """One broken rule.

    ``place`` is the file and line, ``path`` the dotted key (empty for the whole file), ``suggestion`` a name or
    value to write instead.
    """

    place: str
    path: str
    rule: str
    received: str | None = None
    suggestion: str | None = None

    def __str__(self) -> str:
        where = f"{self.place}: {self.path}: " if self.path else f"{self.place}: "
        received = "" if self.received is None else f", received {self.received}"
        meant = "" if self.suggestion is None else f", did you mean {self.suggestion}?"
        return masked(f"{where}{self.rule}{received}{meant}")


class SpecError(Exception):
    """Error: all faults of a spec at once. As text a line for each, at most ``MAX_LINES``."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        more = len(self.faults) - MAX_LINES
        return "\n".join([*map(str, self.faults[:MAX_LINES]), *([f"and {more} faults more"] if more > 0 else [])])


def nearest(name: object, known: Iterable[str]) -> str | None:
    """Return the name in ``known`` most similar to ``name``, or None where none is similar."""
    folded = {_folded(k): k for k in known}
    cutoff = 0.5 if len(str(name)) < 4 else 0.6
    close = difflib.get_close_matches(_folded(str(name)[:_SHOWN]), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return ``, did you mean NEAREST?`` for the end of a message; empty where no name in ``known`` is similar."""
    close = nearest(name, known)
    return f", did you mean {close}?" if close else ""


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_")


def shown(value: Any) -> str:
    """Return a value as text for people, in the words of YAML, cut at 60 characters."""
    words = {None: "nothing", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    if isinstance(value, dict):
        return "a group of " + (", ".join(map(str, list(value)[:5])) or "nothing")
    if isinstance(value, list):
        return f"a list of {len(value)}" if len(value) > 8 else f"[{', '.join(map(shown, value))}]"[:_SHOWN]
    text = masked(ascii_safe(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def ascii_safe(value: Any) -> str:
    """Return text quoted, control characters escaped; floats with 12 digits; of a huge integer only its size."""
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of more than 60 digits"
    return f"{value:.12g}" if isinstance(value, float) else repr(value)
