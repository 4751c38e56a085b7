"""Reads ranges and choices that were written as text, such as ``16..64``, as the keys that they mean."""

from __future__ import annotations

import re
from typing import Any, Final

from search_spaces.space.domain_contract import is_number
from search_spaces.spec.yaml_document import flow, plain

_NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_BETWEEN: Final = rf"({_NUMBER})\s*(?:\.\.\.?|-|–|:|to)\s*({_NUMBER})"
_RANGE: Final = re.compile(rf"\s*[\[(]?\s*{_BETWEEN}\s*[\])]?\s*", re.IGNORECASE)
_ENDS: Final = rf"\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)"
_LAW: Final = re.compile(rf"\s*(log_?uniform|uniform|rand_?int|int)\s*{_ENDS}\s*", re.IGNORECASE)
MOST: Final = 60
"""Characters of a text that is read."""


def meant_by(text: Any) -> str | None:
    """Return what a range or a list that stands in a text is written like; None for any other value.

    ``16..64`` is ``a range is written {min: 16, max: 64}``.
    """
    if not isinstance(text, str) or len(text) > MOST:
        return None
    if law := _LAW.fullmatch(text):
        log = {"log": True} if law[1].lower().startswith("log") else {}
        return _range(law[2], law[3], log)
    if ends := _RANGE.fullmatch(text):
        return _range(ends[1], ends[2], {})
    values = [plain(part.strip()) for part in re.split(r"[,|/;]", text) if part.strip()]
    if len(values) < 2:
        return None
    return f"a list of choices is written {flow({'values': values})}"


def _range(first: str, second: str, more: dict[str, Any]) -> str | None:
    ends = plain(first), plain(second)
    if not (is_number(ends[0]) and is_number(ends[1]) and ends[0] < ends[1]):
        return None
    return f"a range is written {flow({'min': ends[0], 'max': ends[1], **more})}"
