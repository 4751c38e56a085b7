"""Why a trial failed: one record, from where it is raised to the study, MLflow, JSON and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

FailureKind = Literal["diverged", "infeasible", "out_of_memory", "raised", "lane_died", "stopped"]
"""``stopped``: no fault of its own, the search ended before the trial could go on; it is pruned, not failed."""

WORDS: Mapping[FailureKind, str] = {
    "diverged": "diverged",
    "infeasible": "infeasible",
    "out_of_memory": "out of memory",
    "raised": "",  # a traceback speaks for itself
    "lane_died": "worker process died",
    "stopped": "stopped",
}
_PREFIXES: Mapping[str, FailureKind] = {
    "diverged: ": "diverged",
    "infeasible: ": "infeasible",
    "lane died: ": "lane_died",
    "a worker died: ": "lane_died",
}
"""How homes of before this record told the kind."""
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""What errors say that are no OutOfMemoryError of torch's: the CPU's, and those of CUDA's libraries."""
_ENDED = (*OUT_OF_MEMORY, "OutOfMemoryError", "MemoryError", "running low on memory", "memory ends", "memory ended")
"""What is said besides: by Python, by Ray of a process that it ended, and by homes of before this record."""


@dataclass(frozen=True, slots=True)
class FailureReason:
    """``text`` is whole: a sentence, or the traceback of what was raised."""

    kind: FailureKind
    text: str

    def __str__(self) -> str:
        words = WORDS[self.kind]
        return f"{words}: {self.text}" if words else self.text

    @property
    def line(self) -> str:
        """One line for a table: the sentence, or what was raised."""
        return next(reversed(str(self).strip().splitlines()), "no reason given")

    @property
    def is_error(self) -> bool:
        """Whether something went wrong."""
        return self.kind != "stopped"

    @classmethod
    def noted(cls, progress: Mapping[str, Any]) -> FailureReason | None:
        """The reason in a trial's progress, as a study holds it; of older homes free text under ``error``."""
        if progress.get("failure"):
            return cls(**progress["failure"])
        return cls._of_text(str(progress["error"])) if progress.get("error") else None

    @classmethod
    def told(cls, kind: FailureKind, text: str) -> FailureReason:
        """Of what another process tells in words alone: of that kind, unless it says that memory ended."""
        ended = any(words in cls("raised", text).line for words in _ENDED)
        return cls("out_of_memory" if ended else kind, text)

    @classmethod
    def _of_text(cls, text: str) -> FailureReason:
        prefix = next((prefix for prefix in _PREFIXES if text.startswith(prefix)), "")
        kind, text = _PREFIXES.get(prefix, "raised"), text.removeprefix(prefix)
        return cls(kind, text) if kind == "diverged" else cls.told(kind, text)
