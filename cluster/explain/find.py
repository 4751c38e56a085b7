"""Finds what a word means: in the glossary, among metrics, and among what is registered."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from cluster.explain.entry import Entry
from cluster.explain.glossary import metrics, words
from cluster.explain.registered import registered
from search_spaces.spec.other_tools.names import hyperparameter, metric
from search_spaces.types.catalogue import Catalogue

MOST_NEAR = 5


def entries(known: Catalogue) -> list[Entry]:
    """Return everything that can be explained: words first, keys of a spec last."""
    return [*words(), *metrics(known), *registered(known)]


def find(word: str, found: Sequence[Entry]) -> list[Entry]:
    """Return all entries of a word, which may be in the plural, or another tool's name. Raises LookupError.

    The message of the error names the nearest words.
    """
    by_name: dict[str, list[Entry]] = {}
    for entry in found:
        for name in dict.fromkeys(map(_folded, entry.names)):
            by_name.setdefault(name, []).append(entry)
    asked = _folded(word)
    measured = [name for name in by_name if name.startswith(("val_", "train_"))]
    others = (hyperparameter(word, None), metric(word, measured))
    for names in ((asked, asked.removesuffix("s"), f"{asked}s"), [_folded(one) for one in others if one]):
        if several := {id(one): one for name in names for one in by_name.get(name, ())}:
            return list(several.values())
    near = difflib.get_close_matches(asked, by_name, n=MOST_NEAR, cutoff=0.5)
    ways = f"; near ones: {', '.join(by_name[name][0].word for name in near)}" if near else ""
    raise LookupError(f"{word!r} is no word of Paceline's{ways}; `paceline explain` lists all")


def _folded(name: str) -> str:
    return name.strip().casefold().replace("-", "_").replace(" ", "_")
