"""Checks what a spec says of further seeds of its trials."""

from __future__ import annotations

from search_spaces.spec.schema import SpecFile
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import shown


def check_retest(document: Document, spec: SpecFile) -> None:
    """Note a fault for a share of retests that has no effect."""
    if spec.retest != "auto" and spec.retest > 0 and spec.trials == 1:
        rule = "must be left out with trials: 1: the best trials are trained again to choose among them"
        document.fault(("retest",), rule, shown(spec.retest))
