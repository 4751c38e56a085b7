"""Checks that a sweep which asks for the results of equal trainings may have some."""

from __future__ import annotations

from search_spaces.spec.checks.population import POPULATION
from search_spaces.spec.schema import SpecFile
from search_spaces.spec.yaml_document import Document


def check_cache(document: Document, spec: SpecFile) -> None:
    """Note a fault for ``cache: true`` where equal configurations need not come to equal values."""
    if not spec.cache:
        return
    kind = (spec.early_terminate or {}).get("type")
    reasons = {
        "with constraints": bool(spec.constraints),
        "with several metrics": bool(spec.metrics),
        "with repeats, whose further seeds decide which trials continue": spec.repeats is not None,
        f"with early_terminate type {POPULATION}, whose trials continue from others' weights": kind == POPULATION,
        "where the number of workers may vary": spec.resources.least != spec.resources.most,
    }
    for reason in (reason for reason, holds in reasons.items() if holds):
        document.fault(("cache",), f"has no effect {reason}: leave it out", "true")
