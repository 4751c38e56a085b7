"""What earlier trials measured besides their objective."""

from __future__ import annotations

from cluster.sweep.knowledge.recorded_measures import completed
from search_spaces.criteria.constraints import Constraint, Criteria
from search_spaces.study.contract import MEASURED, Record


def test_what_a_study_does_not_hold_is_completed_by_what_mlflow_has() -> None:
    criteria = Criteria(
        constraints=(Constraint(metric="params_m", max=1), Constraint(metric="val_f1_macro", min=0))
    )
    held = {f"{MEASURED}2": {"val_f1_macro": 0.5}}
    record = Record(number=0, params={}, values={1: 1.0, 2: 0.5}, outcome="done", attributes=held)
    told = {1: {"params_m": 0.3, "val_f1_macro": 0.2, "val_loss": 3.0}, 2: {"val_f1_macro": 0.4}}
    assert completed(record, told, criteria) == {
        1: {"params_m": 0.3, "val_f1_macro": 0.2},
        2: {"params_m": 0.3, "val_f1_macro": 0.5},
    }
