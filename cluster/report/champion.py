"""The champion, looked at: the sections of its own report, below those of the sweep."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.report.records import Records
from cluster.sweep.files.champion_file import kept
from search_spaces.types.trial_names import trial_name
from tracking.pages.page import Section
from tracking.results.champion.catalogue import sections as drawn
from tracking.results.champion.head import Head


def sections(records: Records) -> Sequence[Section]:
    """Return the champion's sections; none before its inspection, nor where that is of an earlier verdict."""
    found = kept(records.read.home)
    if found is None or records.verdict is None:
        return []
    if found.name.partition(" ")[0] != trial_name(records.verdict["winner"]["number"]):
        return []
    return drawn(found, Head(verdict=records.verdict))[1:]
