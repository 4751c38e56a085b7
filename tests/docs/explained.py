"""The glossary's tables, and that of measured metrics, from the words that ``paceline explain`` knows."""

from __future__ import annotations

from cluster.explain.glossary import tables
from tests.docs.markdown import table


def words(section: str) -> str:
    """One row a word."""
    return table(("word", "meaning"), [[one["word"], one["meaning"]] for one in tables()[section]])


def measured() -> str:
    """One row for metrics that are told of together."""
    rows = [
        [one.get("shown") or ", ".join(f"`{name}`" for name in one["names"]), one["on"], one["meaning"]]
        for one in tables()["metric"]
    ]
    return table(("metric", "on", "meaning"), rows)
