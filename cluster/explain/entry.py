"""One explained word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "word",
    "word of the code",
    "metric",
    "hyperparameter",
    "sampler",
    "schedule",
    "workload",
    "data set",
    "key of a sweep file",
]
COMMAND: Final = "paceline "
BASE: Final = "workload: mlp\ndata: {name: digits}\n"
"""The sweep file that lines to try belong to, unless they name a workload."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A word with its meaning in Markdown; ``names`` are all words by which it is found."""

    word: str
    kind: Kind
    meaning: str
    names: Sequence[str]
    keys: Sequence[str] = ()
    """Dotted keys of a sweep file."""
    json: Sequence[str] = ()
    """Fields of the document that ``paceline show --json`` prints."""
    mlflow: Sequence[str] = ()
    """Tags, metrics and artifacts in MLflow."""
    example: str = ""
    """Commands, a line each, or lines of a sweep file."""

    @property
    def is_command(self) -> bool:
        """Whether the example is commands."""
        return self.example.startswith(COMMAND)

    @property
    def to_try(self) -> str:
        """The commands, or the whole sweep file."""
        own = [line for line in self.example.splitlines() if line.strip()]
        if self.is_command or not own:
            return "\n".join(own)
        given = {line.split(":")[0] for line in own}
        return "\n".join([*(line for line in BASE.splitlines() if not _given(line, given)), *own])


def _given(line: str, given: set[str]) -> bool:
    """Whether an example says itself what a line of ``BASE`` says."""
    return line.split(":")[0] in given
