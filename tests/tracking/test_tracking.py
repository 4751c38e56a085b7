"""Names that MLflow takes, the spool, and what tracking imports."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.paths import ROOT
from tracking import names
from tracking.writer.spool import Spool


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=300))
def test_every_cleaned_key_is_one_that_mlflow_takes(text: str) -> None:
    from mlflow.utils.validation import _validate_metric_name, _validate_param_name, _validate_tag_name

    key = names.clean_key(text)
    for validate in (_validate_metric_name, _validate_param_name, _validate_tag_name):
        validate(key)
    assert 0 < len(key) <= names.MAX_KEY
    assert names.clean_key(key) == key


@pytest.mark.parametrize("key", ["val_accuracy", "hp/log10_lr", "cost/params_M", "a b-c.d"])
def test_good_keys_stay_as_they_are(key: str) -> None:
    assert names.clean_key(key) == key


@settings(deadline=None, max_examples=50)
@given(st.floats())
def test_metrics_keep_the_precision_of_a_float32(value: float) -> None:
    clean = names.clean_metric(value)
    if not math.isfinite(value):
        assert clean is None
    else:
        assert clean == pytest.approx(value, rel=1e-6, abs=0)


def test_a_run_is_named_by_what_was_searched() -> None:
    params = {"lr": 2e-3, "dropout": 0.25, "width": 64, "arch": "wide"}
    assert names.trial_title("t0004", params, ("lr", "width")) == "t004 lr=2.0e-03 width=64"
    assert names.trial_title("t0012-s1", params, ("arch", "missing")) == "t012-s1 arch=wide"


def test_a_spool_gives_back_what_was_not_acknowledged(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(10):
        spool.append({"kind": "epoch", "number": number, "value": math.inf})
    first = spool.waiting(limit=100)
    assert 0 < len(first) < 10
    spool.acknowledge(first[-1].end)
    spool.close()
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"torn')
    again = Spool(tmp_path)
    again.append({"kind": "last"})
    rest = [entry.event for entry in again.waiting()]
    assert [event["number"] for event in rest[:-2] if event] == list(range(len(first), 10))
    assert rest[-2:] == [None, {"kind": "last"}]
    assert len(list(again.all())) == 12
    again.close()


def test_tracking_imports_neither_torch_nor_mlflow_until_it_must() -> None:
    code = """
import sys
import tracking.names, tracking.store.records, tracking.ui.server, tracking.ui.shared_view
import tracking.results.compare, tracking.results.registered_model, tracking.results.table
import tracking.writer.reconcile, tracking.writer.spool, tracking.writer.writer
print([name for name in ("torch", "mlflow", "pandas", "sqlalchemy", "scipy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
