"""Names that MLflow takes, the spool, and what tracking imports."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.types.failure import FailureKind, FailureReason
from tests.helpers.paths import ROOT
from tracking import names
from tracking.store.records import Best, RunFacts
from tracking.writer.events import (
    ContentKept,
    EpochMeasured,
    EpochsWithdrawn,
    Event,
    Reconciled,
    StateChanged,
    SweepSummarized,
    TextKept,
    TrialBegan,
    TrialsRanked,
    from_json,
    to_json,
)
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


@pytest.mark.parametrize("key", ["val_accuracy", "hp/log10_lr", "train_seconds", "a b-c.d"])
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


def test_counts_are_not_rounded() -> None:
    assert names.clean_metric(1_234_567_891) == 1_234_567_891.0 and names.clean_metric(0.123456789) == 0.1234568


def test_a_run_is_named_by_what_was_searched() -> None:
    params = {"lr": 2e-3, "dropout": 0.25, "width": 64, "arch": "wide"}
    assert names.trial_title("t0004", params, ("lr", "width")) == "t004 lr=2.0e-03 width=64"
    assert names.trial_title("t0012-s1", params, ("arch", "missing")) == "t012 seed 1 arch=wide"


def test_a_spool_gives_back_what_was_not_acknowledged(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(10):
        spool.append(EpochMeasured(key="t0000", epoch=number, metrics={"val_loss": math.inf}))
    first = spool.waiting(limit=200)
    assert 0 < len(first) < 10
    spool.acknowledge(first[-1].end)
    spool.close()
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"torn')
    again = Spool(tmp_path)
    last = TextKept(path="a", text="b")
    again.append(last)
    *rest, newest = [entry.event for entry in again.waiting()]
    assert [event.epoch for event in rest if isinstance(event, EpochMeasured)] == list(range(len(first), 10))
    assert newest == last and again.mended == [f"the torn tail of {tmp_path}/events.jsonl (6 bytes) was cut off"]
    assert len(list(again.all())) == 11
    again.close()


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_params = st.dictionaries(_texts, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts)
_metrics = st.dictionaries(_texts, st.floats(allow_nan=False))
_numbers = st.integers(0, 10**6)
_failures = st.builds(FailureReason, kind=st.sampled_from(get_args(FailureKind)), text=_texts)
_facts = st.builds(
    RunFacts,
    number=_numbers,
    role=st.sampled_from(["trial", "final"]),
    params=_params,
    state=st.sampled_from(["running", "paused", "done", "stopped", "failed"]),
    history=st.dictionaries(_numbers, st.floats(allow_nan=False)),
    summary=_metrics,
    failure=st.none() | _failures,
)
_best = st.builds(Best, number=_numbers, value=st.floats(allow_nan=False), params=_params)
_keys = {"key": _texts, "time_ms": _numbers}
_states = st.sampled_from(["running", "finished", "stopped", "failed"])
_events: list[st.SearchStrategy[Event]] = [
    st.builds(TrialBegan, **_keys, number=_numbers, role=st.sampled_from(["trial", "final"]), params=_params),
    st.builds(EpochMeasured, **_keys, epoch=_numbers, metrics=_metrics),
    st.builds(EpochsWithdrawn, **_keys, kept=_numbers),
    st.builds(StateChanged, **_keys, state=st.just("done"), summary=_metrics, failure=st.none() | _failures),
    st.builds(
        SweepSummarized,
        **_keys,
        state=_states,
        best=st.none() | _best,
        metrics=_metrics,
        tags=st.dictionaries(_texts, _texts),
    ),
    st.builds(TextKept, **_keys, path=_texts, text=_texts, start=_numbers, more=st.booleans()),
    st.builds(ContentKept, **_keys, path=_texts, content=_texts),
    st.builds(TrialsRanked, **_keys, order=st.lists(_texts), finals=st.dictionaries(_texts, _texts)),
    st.builds(Reconciled, **_keys, expected=st.dictionaries(_texts, _facts)),
]


@settings(deadline=None, max_examples=200)
@given(st.one_of(_events))
def test_every_event_comes_back_from_its_json_as_it_was(event: Event) -> None:
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


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
