"""What the champion's report says of probabilities in words."""

from __future__ import annotations

from search_spaces.types.inspected.classes import Calibration, Ranking
from search_spaces.types.inspection import ClassScores, Inspection
from tracking.results.champion.probabilities import _calibrated, _which


def test_equal_confidence_and_accuracy_are_neither_over_nor_underconfident() -> None:
    for confidence, word in ((1.0, "neither over- nor underconfident"), (0.9, "is underconfident")):
        found = Calibration(error=0.0, counts=[0, 5], confidence=[None, confidence], accuracy=[None, 1.0])
        assert word in _calibrated(found)


def test_classes_without_a_curve_are_not_said_to_have_one() -> None:
    scores = [ClassScores.of(name, 1, 1, 1) for name in "abc"]
    curves = [
        Ranking(name=name, examples=1, roc_auc=1.0, average_precision=1.0, roc=[], precision_recall=[])
        for name in "abc"
    ]
    found = Inspection(metric="accuracy", classes=scores, ranking=curves)
    assert _which(found) == "Each class"
    assert _which(Inspection(metric="accuracy", classes=scores, ranking=curves[:2])).startswith("2 of 3 classes")
