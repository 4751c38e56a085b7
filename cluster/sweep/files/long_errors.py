"""Keeps an error's text whole in the sweep's home where it is too long for the study and for MLflow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from search_spaces.types.error_text import bounded
from search_spaces.types.failure import FailureReason

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
