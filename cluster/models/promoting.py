"""Makes a sweep's registered model the champion of its name, with a better one kept unless it is forced."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

from cluster.models.champion import NoModel, champion_of, store_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.sweep.reading import Reading
    from tracking.results.intervals import Estimate

    Compared = Callable[[Reading, str], tuple[Estimate, str] | None]
    """Returns a sweep's champion less that of the sweep with this ID, and how that was measured."""

WORDS = {
    "none": "no version was the champion",
    "same": "a model of this sweep was the champion already",
    "better": "its score is as good as the champion's, or better",
    "worse": "its score is worse than the champion's",
    "unknown": "whether it is better than the champion is not known",
}


def promoted(read: Reading, force: bool, compared: Compared) -> dict[str, Any]:
    """Give the alias ``champion`` to the sweep's newest version; return what was done, as a document.

    ``compared`` gives the interval of the difference to another sweep's champion, where that is here.
    Raises NoModel where there is no such version or its files were changed, and, unless it is forced, where the
    champion is better on the same test rows, be it inside the noise, or the two cannot be compared.
    """
    from tracking.results.promotion import in_words, promote, standing  # 60 ms
    from tracking.store.errors import sorted_trouble
    from tracking.store.open import open_mlflow  # 20 ms: sqlite3

    with champion_of(read) as stored, sorted_trouble():
        client = open_mlflow(store_of(read)).client
        found = standing(client, stored.name, stored.version)
        before = f"version {found.version} of {stored.name} (sweep {found.sweep}) is the champion"
        difference, how = found.difference, "apart"
        if found.verdict in ("better", "worse") and found.sweep and (paired := compared(read, found.sweep)):
            difference, how = paired
        why = f"{found.why}{in_words(difference)}" if found.why else WORDS[found.verdict]
        if found.verdict in ("worse", "unknown") and not force:
            raise NoModel(f"{before}; {WORDS[found.verdict]}: {why}; --force makes {stored.uri} it nevertheless")
        promote(client, stored.name, stored.version)
    return {
        "sweep": read.home.id,
        "name": stored.name,
        "version": stored.version,
        "uri": f"models:/{stored.name}@champion",
        "comparison": found.verdict,
        "why": why,
        "difference": None if difference is None else _told(difference, how),
        "replaced": None
        if found.version in (None, stored.version)
        else {"version": found.version, "sweep": found.sweep},
    }


def _told(difference: Estimate, how: str) -> dict[str, Any]:
    """Return a difference for the document; null for what is not known."""
    low, high = difference.ci95
    return {"mean": difference.mean, "ci95": None if isnan(low) or isnan(high) else [low, high], "how": how}
