"""What may be read, from the spec's rules, and the fields of the data card."""

from __future__ import annotations

from search_spaces.spec.checks.data import SOURCES
from search_spaces.spec.data import Data
from tests.docs.json_documents import CARD
from tests.docs.markdown import code, prose, sentence, table


def sources() -> str:
    """A row for each source: its key, what it is, and the keys that mean something with it."""
    rows = []
    for key, source in SOURCES.items():
        description = Data.model_fields[key].description or ""
        rows.append([code(key), prose(description), ", ".join(map(code, source.options))])
    return table(("key of `data`", "what it names", "keys with an effect"), rows)


def card_fields() -> str:
    """A row for each field of the data card."""
    return table(("field", "meaning"), [[code(name), sentence(text)] for name, text in CARD.items()])
