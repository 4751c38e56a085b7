"""Makes the page of a sweep from its records and the catalogue of sections."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from cluster.report import champion, head
from cluster.report.catalogue import CATALOGUE, Row
from cluster.report.records import Records
from search_spaces.types.error_text import one_line
from tracking.pages.page import Page, Section


@dataclass(frozen=True)
class Drawn:
    """A page, and why sections of it could not be drawn, by heading: the page says so, too."""

    page: Page
    failed: dict[str, str]


def page(records: Records, reload_s: float | None = None) -> Drawn:
    """Return the page; with ``reload_s`` a browser reads it again after so many seconds.

    A section that fails takes no other with it.
    """
    failed = dict[str, str]()
    found = [_section(row, records, failed) for row in CATALOGUE]
    said = head.said(records, time.time())
    sections = [section for section in found if section is not None]
    sections += _of_champion(records, failed)
    return Drawn(Page(title=head.title(records), said=said, sections=sections, reload_s=reload_s), failed)


def _of_champion(records: Records, failed: dict[str, str]) -> Sequence[Section]:
    """Return the sections of the champion's own report."""
    try:
        return champion.sections(records)
    except Exception as error:  # noqa: BLE001 - as below
        failed["champion"] = f"{type(error).__name__}: {one_line(error)}"
        told = f"This could not be drawn: {failed['champion']}"
        return [Section(id="champion", heading="The champion", warnings=[told])]


def _section(row: Row, records: Records, failed: dict[str, str]) -> Section | None:
    try:
        return row.draw(records)
    except Exception as error:  # noqa: BLE001 - a library's, or of an earlier version's study; it is told
        failed[row.name] = f"{type(error).__name__}: {one_line(error)}"
        return Section(id=row.name, heading=row.name, warnings=[f"This could not be drawn: {failed[row.name]}"])
