"""The sections of the champion's report in their order: a new one is one function and one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from search_spaces.types.inspection import Inspection
from tracking.pages.page import Section
from tracking.results.champion import classes, columns, curves, examples, head, numbers, probabilities, weights
from tracking.results.champion.head import Head

CATALOGUE: Sequence[Callable[[Head, Inspection], Section | None]] = (
    head.result,
    head.scores,
    head.configuration,
    head.subject,
    curves.curves,
    classes.confusion,
    classes.by_class,
    probabilities.ranking,
    probabilities.calibration,
    probabilities.thresholds,
    probabilities.histogram,
    numbers.forecasts,
    numbers.pairs,
    numbers.errors,
    examples.generated,
    examples.coverage,
    examples.continuations,
    examples.mistakes,
    examples.successes,
    columns.importance,
    columns.dependence,
    weights.weights,
)
"""Functions that draw a section, or return None where there is nothing to show."""


def sections(found: Inspection, head: Head) -> list[Section]:
    """Return all sections that the inspection has something for, and one on the parts that failed.

    Their anchors begin with ``champion-``, so that they can stand below those of a sweep.
    """
    drawn = [draw(head, found) for draw in CATALOGUE]
    if found.failed:
        said = [f"{part} could not be inspected: {why}" for part, why in found.failed.items()]
        drawn.append(Section(id="champion-failed", heading="Not shown", warnings=said))
    return [section for section in drawn if section is not None]
