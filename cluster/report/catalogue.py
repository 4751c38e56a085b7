"""The sections of a sweep's report in their order: one row each.

A section is left out where its function returns None, as it has nothing to show in this sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cluster.report import curves, history, importance, verdict
from cluster.report.records import Records
from tracking.pages.page import Section


@dataclass(frozen=True)
class Row:
    """A section by its name, and the function that draws it."""

    name: str
    draw: Callable[[Records], Section | None]


CATALOGUE = (
    Row("verdict", verdict.section),
    Row("history", history.section),
    Row("curves", curves.section),
    Row("importance", importance.section),
)
