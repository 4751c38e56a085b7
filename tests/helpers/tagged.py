"""Makes a small CoNLL file of names for the tests of labelled words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search_spaces.spec.data import Data
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared

PEOPLE, PLACES = ("Ann Smith", "Bo Jones", "Cleo"), ("Paris", "New York", "Lima")
FRAMES = ("PER lives in LOC .", "On that day PER met PER in LOC , and left .", "Stop !", "LOC is far from LOC .")


def sentences(num: int) -> list[list[tuple[str, str]]]:
    """Return different sentences of several lengths, as (word, label)."""
    found = []
    for k in range(num):
        words = [(f"{k}.", "O")]
        for place, part in enumerate(FRAMES[k % 4].split()):
            names = {"PER": PEOPLE, "LOC": PLACES}.get(part)
            if names is None:
                words.append((part, "O"))
                continue
            for at, word in enumerate(names[(k // 4 + place) % 3].split()):
                words.append((word, f"{'BI'[at > 0]}-{part}"))
        found.append(words)
    return found


def conll(rows: Sequence[Sequence[tuple[str, ...]]], separator: str = " ") -> str:
    """Return sentences as the text of a CoNLL file."""
    return "\n\n".join("\n".join(separator.join(cells) for cells in words) for words in rows) + "\n"


def names(folder: Path, num: int = 40, **how: Any) -> Prepared:
    """Return a small file of names, prepared; ``how`` holds other keys of the spec's data."""
    file = folder / "names.conll"
    file.write_text(conll(sentences(num)), encoding="utf-8")
    return prepare(Data.model_validate({"conll": str(file), **how}))
