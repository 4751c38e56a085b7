"""Makes the champion's report for its run: tables as CSV, an HTML page, and the inspection itself as JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING

from search_spaces.types.inspection import Inspection
from tracking.pages.page import Page
from tracking.results.champion.catalogue import sections
from tracking.results.champion.head import Head
from tracking.results.champion.tables import tables

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FOLDER = "verdict"
INSPECTION = f"{FOLDER}/inspection.json"


def files(found: Inspection, head: Head) -> dict[str, bytes]:
    """Return the report's files by artifact path. ``report.html`` needs no network and no other file."""
    made = {f"{name}.csv": table.to_csv(index=False).encode() for name, table in tables(found).items()}
    if found.pictures is not None:
        made["mistakes.png"] = found.pictures
    made["report.html"] = Page(title=head.title, sections=sections(found, head)).html()
    return {**{f"{FOLDER}/{name}": content for name, content in made.items()}, INSPECTION: dumped(found)}


def dumped(found: Inspection) -> bytes:
    """Return an inspection as JSON, with pictures in URL-safe base64, and NaN as Python writes it."""
    return json.dumps(asdict(found), default=lambda content: base64.urlsafe_b64encode(content).decode()).encode()


def read(content: bytes) -> Inspection:
    """Return what ``dumped`` wrote. Raises pydantic's ValidationError, a ValueError, for anything else."""
    return _adapter().validate_json(content)


@cache
def _adapter() -> TypeAdapter[Inspection]:
    from pydantic import TypeAdapter

    return TypeAdapter(Inspection)
