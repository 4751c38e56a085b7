"""The sentence on the champion's overfitting, the same wherever it is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def sentence(verdict: Mapping[str, Any]) -> str | None:
    """Return what its learning curves show; None where they do not tell."""
    judged = verdict.get("overfitting")
    return f"{judged[0].upper()}{judged[1:]}." if judged else None
