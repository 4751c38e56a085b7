"""The data that the sweep was trained and judged on: splits, classes, missing values, leaks between splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cluster.report.records import Records
from cluster.terminal.formatting import count
from tracking.pages.page import Section

MOST_CLASSES: Final = 30


def section(records: Records) -> Section | None:
    """Tell the data card; None where the workload brings its own data, or the sweep has not read its data yet."""
    card = records.card
    if not card:
        return None
    tables = [_facts(card), *_classes(card)]
    return Section(id="data", heading="Data", says=_says(card), warnings=list(_warnings(card)), tables=tables)


def _says(card: Mapping[str, Any]) -> str:
    rows = card["rows"]
    parts = ", ".join(f"{number:,} {split}" for split, number in rows.items())
    says = f"{Path(card['name']).name}: {sum(rows.values()):,} rows ({parts})."
    if "leaks" not in card or card["leaks"]:
        return says
    return f"{says} No row and no column was found that gives the test split away."


def _warnings(card: Mapping[str, Any]) -> Iterator[str]:
    for text in card.get("leaks", ()):
        yield f"Leak: {text}"


def _facts(card: Mapping[str, Any]) -> Any:
    import pandas as pd

    told = {
        "kind": card.get("kind", ""),
        "problem": card.get("problem", ""),
        "shape of an example": " x ".join(map(str, card.get("shape", ()))),
        "copies across splits": _copies(card.get("duplicates", {})) or "none",
        "missing values": _missing(card) or "none",
        **{f"note {k}": text for k, text in enumerate(card.get("notes", ()), 1)},
        **{str(key).replace("_", " "): str(value) for key, value in card.get("details", {}).items() if value != 0},
        "digest": str(card["digest"])[:16],
    }
    known = {name: text for name, text in told.items() if text}
    return pd.DataFrame({"what": list(known), "found": list(known.values())})


def _copies(found: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in found.items() if number)


def _missing(card: Mapping[str, Any]) -> str:
    """Return the columns with missing values, the emptiest first."""
    found = {name: number for name, number in card.get("missing", {}).items() if number}
    most = sorted(found, key=lambda name: -found[name])
    more = f" and {count(len(most) - 6, 'more column')}" if len(most) > 6 else ""
    return ", ".join(f"{name} ({found[name]})" for name in most[:6]) + more


def _classes(card: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the table of classes with their rows in each split, if there are classes."""
    import pandas as pd

    if card.get("classes") and card.get("class_counts"):
        counts = {split: list(numbers)[:MOST_CLASSES] for split, numbers in card["class_counts"].items()}
        yield pd.DataFrame({"class": [str(name) for name in card["classes"]][:MOST_CLASSES], **counts})
