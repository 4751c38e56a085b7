"""Makes failures' reasons ready to keep: bounded for the study and MLflow, with what the trial printed at last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cluster.sweep.files.last_lines import last_lines
from search_spaces.types.error_text import bounded
from search_spaces.types.failure import FailureReason
from search_spaces.types.passwords import masked
from workloads.models.custom.trial_log import path_of

if TYPE_CHECKING:
    from cluster.sweep.home import SweepHome


def kept_whole(reason: FailureReason, home: SweepHome, key: str | None) -> FailureReason:
    """Return the reason with its text bounded; a longer one of member ``key`` is kept whole, and its file named."""
    short = bounded(reason.text)
    if short == reason.text or key is None:
        return replace(reason, text=short) if short != reason.text else reason
    path = home.path / "errors" / f"{key}.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(reason.text, encoding="utf-8")
    return replace(reason, text=f"[the whole text: {path}]\n{short}")


def with_output(reason: FailureReason, home: SweepHome, trials: Sequence[int]) -> FailureReason:
    """Return the reason with the last lines that the trial printed; unchanged where that is not kept.

    Those that the reason has already are of one of several processes, and stay.
    """
    if len(trials) != 1 or not reason.is_error:
        return reason
    return replace(reason, output=masked(reason.output or last_lines(path_of(home.logs, trials[0]))))
