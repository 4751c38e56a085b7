"""What two equal data sets have in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

OWN: Final = "own"
"""Key of the data that a workload brings itself, which nobody can compare: the same for each."""


def data_key(card: Mapping[str, Any] | None) -> str | None:
    """Return the key of a data card: that of equal rows in equal splits; None without a card."""
    if card is None:
        return None
    if not card:
        return OWN
    return hashlib.sha256(json.dumps([card["digest"], list(card.get("classes", ()))]).encode()).hexdigest()
