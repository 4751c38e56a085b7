"""The sections of a sweep's report in their order: one row each.

A section is left out where its function returns None, as it has nothing to show in this sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cluster.report import curves, history, importance, verdict
from cluster.report.parameters import distribution, pairs, parallel, slices
from cluster.report.records import Records
from cluster.report.running import failures, rungs, timeline
from cluster.report.trust import data_card, front, seeds, setup
from tracking.pages.page import Section


@dataclass(frozen=True)
class Row:
    """A section by its name, and the function that draws it."""

    name: str
    draw: Callable[[Records], Section | None]


CATALOGUE = (
    Row("verdict", verdict.section),
    Row("seeds", seeds.section),
    Row("front", front.section),
    Row("history", history.section),
    Row("curves", curves.section),
    Row("importance", importance.section),
    Row("parallel", parallel.section),
    Row("slices", slices.section),
    Row("contour", pairs.contour),
    Row("rank", pairs.rank),
    Row("distribution", distribution.section),
    Row("timeline", timeline.section),
    Row("rungs", rungs.section),
    Row("failures", failures.section),
    Row("data", data_card.section),
    Row("setup", setup.section),
)
