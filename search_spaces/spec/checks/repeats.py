"""Checks what a spec says of further seeds of its trials."""

from __future__ import annotations

from search_spaces.spec.checks.population import POPULATION
from search_spaces.spec.schema import SpecFile
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import shown


def check_repeats(document: Document, spec: SpecFile) -> None:
    """Note a fault for repeats where a trial has no one value: several objectives, or others' weights."""
    if spec.metrics:
        document.fault(("repeats",), "must be left out with several objectives: the mean is that of one")
    if (spec.early_terminate or {}).get("type") == POPULATION:
        rule = f"must be left out with early_terminate type {POPULATION}: a trial continues from others' weights"
        document.fault(("repeats",), rule)


def check_retest(document: Document, spec: SpecFile, trials: int) -> None:
    """Note a fault for a share of retests that has no effect, with so many ``trials``."""
    if spec.retest != "auto" and spec.retest > 0 and trials == 1:
        rule = "must be left out with trials: 1: the best trials are trained again to choose among them"
        document.fault(("retest",), rule, shown(spec.retest))
