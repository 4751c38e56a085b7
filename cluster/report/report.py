"""Makes the page of a sweep from its records and the catalogue of sections."""

from __future__ import annotations

import time

from cluster.report import head
from cluster.report.catalogue import CATALOGUE
from cluster.report.records import Records
from tracking.pages.page import Page


def page(records: Records, reload_s: float | None = None) -> Page:
    """Return the page; with ``reload_s`` a browser reads it again after so many seconds."""
    found = [row.draw(records) for row in CATALOGUE]
    said = head.said(records, time.time())
    return Page(
        title=head.title(records),
        said=said,
        sections=[section for section in found if section is not None],
        reload_s=reload_s,
    )
