"""The reason why a trial failed: one record for the study, MLflow, JSON and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FailureKind = Literal[
    "diverged", "infeasible", "constraint", "out_of_memory", "raised", "lane_died", "timed_out", "stopped"
]
"""``infeasible``: the configuration does not work on this data. ``constraint``: it breaks one of the sweep's.

``stopped``: the search ended before the trial could continue; it counts as pruned, not as failed.
"""

WORDS: Mapping[FailureKind, str] = {
    "diverged": "diverged",
    "infeasible": "infeasible",
    "constraint": "infeasible",
    "out_of_memory": "out of memory",
    "raised": "",  # a traceback needs no words before it
    "lane_died": "worker process died",
    "timed_out": "timed out",
    "stopped": "stopped",
}
_PREFIXES: Mapping[str, FailureKind] = {
    "diverged: ": "diverged",
    "infeasible: ": "infeasible",
    "lane died: ": "lane_died",
    "a worker died: ": "lane_died",
}
"""Prefixes of the free texts in older homes, with their kinds."""
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""Texts of out-of-memory errors besides torch's OutOfMemoryError: on the CPU, and in CUDA's libraries."""
_ENDED = (*OUT_OF_MEMORY, "OutOfMemoryError", "MemoryError", "running low on memory", "memory ends", "memory ended")
"""Texts that mean out of memory, with those of Python, of Ray for a process it has killed, and of older homes."""


LOST = (
    *("Connection closed by peer", "Connection reset by peer", "Broken pipe", "remote process exited"),
    "Connection was likely closed",
)
"""Parts of error messages of gloo, NCCL and torch's store in a process that lost its connection to a dead one."""


class ScriptFailed(Exception):
    """Error of a user's program. Its text is the whole reason: a traceback would be that of Paceline.

    ``output`` are the last lines that it printed, where they are not in the trial's own log.
    """

    def __init__(self, text: str, output: str = "") -> None:
        super().__init__(text)
        self.output = output


@dataclass(frozen=True, slots=True)
class FailureReason:
    """Why a trial ended early: its kind, and a sentence or the whole traceback as ``text``."""

    kind: FailureKind
    text: str
    output: str = field(default="", compare=False)
    """The last lines that it printed before, where its prints are kept."""

    def __str__(self) -> str:
        words = WORDS[self.kind]
        return f"{words}: {self.text}" if words else self.text

    @property
    def line(self) -> str:
        """One line for a table: the sentence, or the last line of the traceback."""
        return next(reversed(str(self).strip().splitlines()), "no reason given")

    @property
    def whole(self) -> str:
        """All that is known: the last lines that it printed, and then the sentence or the traceback."""
        printed = [f"  | {line}" for line in self.output.splitlines()]
        return "\n".join(["its last lines:", *printed, str(self)] if printed else [str(self)])

    @property
    def is_error(self) -> bool:
        """Whether it is an error: every kind but ``stopped`` and ``constraint``."""
        return self.kind not in ("stopped", "constraint")

    @classmethod
    def noted(cls, progress: Mapping[str, Any]) -> FailureReason | None:
        """Return the reason stored in a trial's progress, or None. Older homes hold free text under ``error``."""
        if progress.get("failure"):
            return cls(**progress["failure"])
        return cls._of_text(str(progress["error"])) if progress.get("error") else None

    @classmethod
    def shown_as(cls, kind: Any, shown: str) -> FailureReason:
        """Return the reason of this kind whose ``str`` is ``shown``."""
        words = WORDS.get(kind)
        return cls(kind, shown.removeprefix(f"{words}: ") if words else shown)

    @classmethod
    def told(cls, kind: FailureKind, text: str) -> FailureReason:
        """Return the reason for an error known by its text alone: ``kind``, or out of memory if it says so."""
        ended = any(words in cls("raised", text).line for words in _ENDED)
        return cls("out_of_memory" if ended else kind, text)

    @classmethod
    def _of_text(cls, text: str) -> FailureReason:
        prefix = next((prefix for prefix in _PREFIXES if text.startswith(prefix)), "")
        kind, text = _PREFIXES.get(prefix, "raised"), text.removeprefix(prefix)
        return cls(kind, text) if kind == "diverged" else cls.told(kind, text)
