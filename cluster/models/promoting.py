"""Makes a sweep's registered model the champion of its name, with a better one kept unless it is forced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.models.champion import NoModel, champion_of, store_of

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading

WORDS = {
    "none": "no version was the champion",
    "same": "a model of this sweep was the champion already",
    "better": "it is as good as the champion, or better",
    "worse": "it is worse than the champion",
    "unknown": "whether it is better than the champion is not known",
}


def promoted(read: Reading, force: bool) -> dict[str, Any]:
    """Give the alias ``champion`` to the sweep's newest version; return what was done, as a document.

    Raises NoModel where there is no such version or its files were changed, and, unless it is forced, where the
    champion is better on the same test rows, or the two cannot be compared.
    """
    from tracking.results.promotion import promote, standing  # 60 ms
    from tracking.store.errors import sorted_trouble
    from tracking.store.open import open_mlflow  # 20 ms: sqlite3

    with champion_of(read) as stored, sorted_trouble():
        client = open_mlflow(store_of(read)).client
        found = standing(client, stored.name, stored.version)
        before = f"version {found.version} of {stored.name} (sweep {found.sweep}) is the champion"
        if found.verdict in ("worse", "unknown") and not force:
            raise NoModel(
                f"{before}; {WORDS[found.verdict]}: {found.why}; --force makes {stored.uri} it nevertheless"
            )
        promote(client, stored.name, stored.version)
    return {
        "sweep": read.home.id,
        "name": stored.name,
        "version": stored.version,
        "uri": f"models:/{stored.name}@champion",
        "comparison": found.verdict,
        "why": found.why or WORDS[found.verdict],
        "replaced": None
        if found.version in (None, stored.version)
        else {"version": found.version, "sweep": found.sweep},
    }
