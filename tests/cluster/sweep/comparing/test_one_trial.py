"""One trial, and the difference of two, as `paceline show ID TRIAL` and `paceline diff` tell them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import cluster
from cluster.sweep.comparing.one_trial import _final
from cluster.sweep.provenance.leg_log import LegRecord
from cluster.sweep.reading import Reading
from cluster.terminal.comparing.frames import own_frames
from search_spaces.study.study import Study
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from tests.helpers.commands import told
from tests.helpers.finished_sweep_without_ray import FAILING, SPEC, raced, tracked
from tracking.results import table

SCORE = Objective("score", "maximize")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_configuration_says_where_each_value_is_from(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced("parameters.clip_norm=1.0")
    document = json.loads(told(capsys, "show", home.id, "t004", "--json"))
    found = document["configuration"]
    assert list(found)[:2] == ["lr", "batch_size"] and found["lr"]["from"] == "searched"
    assert found["lr"]["value"] == document["params"]["lr"] and found["clip_norm"] == {"value": 1.0, "from": "spec"}
    assert found["beta2"] == {"value": 0.999, "from": "default"}
    assert {one["from"] for one in found.values()} == {"searched", "spec", "default"}
    assert document["curves"]["val_accuracy"] == {str(e): 0.54 + e / 1000 for e in range(1, document["epochs"] + 1)}
    text = told(capsys, "show", home.id, "4")
    assert f"lr{'':8}  {found['lr']['value']!r}" in text and "clip_norm   1.0  fixed in the spec" in text


def test_a_failed_trial_is_shown_with_the_whole_of_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    raced()
    text = told(capsys, "show", f"t{FAILING:03d}")
    assert "why it ended: raised" in text and "ValueError: it diverged" in text


def test_a_trial_of_a_sweep_that_was_stopped_does_not_wait_to_be_promoted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = raced(most_legs=1)
    [row, *_] = Reading.of(home).rows
    assert row.state == "paused"
    found = json.loads(told(capsys, "show", home.id, trial_name(row.number), "--json"))
    assert found["ended"].startswith("has not ended: the sweep stopped before")
    assert f"`paceline resume {home.id}`" in found["ended"]


@pytest.mark.parametrize("words", [("show", "last", "t099"), ("diff", "t000", "t099"), ("show", "last", "foo")])
def test_a_trial_that_is_not_there_is_refused_with_those_that_are(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    raced()
    said = told(capsys, *words, code=2)
    assert "it has t000 to t008" in said or "write t007, or 7" in said


def test_trials_of_two_sweeps_differ_in_values_and_in_their_specs(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = raced(), raced("epochs=3", "parameters.clip_norm=1.0", "metric.name=val_loss")
    document = json.loads(told(capsys, "diff", f"{first.id}:t003", f"{second.id}:t003", "--json"))
    assert document["configuration"]["clip_norm"] == [0.0, 1.0] and document["num_equal"] > 3
    assert document["spec"]["epochs"] == [9, 3] and "trials" not in document["spec"]
    assert not document["comparable"]
    assert "are not comparable" in told(capsys, "diff", f"{first.id}:t003", f"{second.id}:t003")
    same = json.loads(told(capsys, "diff", "t003", "t003", "--json"))
    assert not same["configuration"] and not same["spec"] and same["comparable"]


def test_an_id_alone_is_its_best_trial_and_a_sweep_without_one_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced()
    document = json.loads(told(capsys, "diff", home.id, "t000", "--json"))
    assert document["trials"][0]["trial"] == "t008" and document["results"]["place"][0] == 1
    empty = raced(most_legs=0)
    assert "no trial with a value yet" in told(capsys, "diff", empty.id, "t000", code=2)


def test_curves_are_those_of_mlflow_where_it_has_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    text = f"{SPEC}tracking: {{uri: '{uri}'}}\n"
    home = raced(text=text, tracking={"uri": uri})
    tracker = tracked(home)
    tracker.writer.epoch("t0004", 1, {"val_accuracy": 0.541, "grad_norm": 2.5})
    assert tracker.writer.close(30)
    study = Study(home.id, home.sweep().goals, home.journal)
    study.set("run_ids", {"4": tracker.writer.run_ids["t0004"]})
    study.flush()
    document = json.loads(told(capsys, "show", home.id, "t004", "--json"))
    assert document["curves"]["grad_norm"] == {"1": 2.5}


def test_a_final_training_has_the_value_of_the_epoch_that_was_scored() -> None:
    entry = {"seed": 1, "state": "done", "epoch": 3, "values": {"1": 0.4, "2": 0.9, "3": 0.8}}
    assert _final(entry, SCORE)["best_value"] == 0.9
    assert _final({**entry, "best_epoch": 3, "test": {"test_score": 0.7}}, SCORE)["best_value"] == 0.8


def test_a_trial_tells_what_it_cost_when_it_was_trained_and_why_it_ended(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    legs = [
        LegRecord(
            purpose="search", members=members, start=0, stop=1, began_s=5.0, ended_s=7.0, lane="host:12", fused=2
        )
        for members in [("t0004-s0", "t0005-s0"), ("t0003-s0",)]
    ]
    facts: dict[str, Any] = {f"leg:{k:06d}": json.dumps(asdict(leg)) for k, leg in enumerate(legs)}
    home = raced(text=f"{SPEC}tracking: {{uri: '{uri}'}}\n", tracking={"uri": uri}, **facts)
    tracker = tracked(home)
    tracker.writer.epoch("t0004", 1, {"val_accuracy": 0.541, "params_m": 0.25, "latency_ms": 1.5})
    assert tracker.writer.close(30)
    study = Study(home.id, home.sweep().goals, home.journal)
    study.set("run_ids", {"4": tracker.writer.run_ids["t0004"]})
    study.flush()
    document = json.loads(told(capsys, "show", home.id, "t004", "--json"))
    assert document["costs"] == {"params_m": 0.25, "latency_ms": 1.5}
    assert table.trials(uri, home.id, "val_accuracy").set_index("trial")["params_m"].dropna().to_dict() == {4: 0.25}
    (one,) = document["training"]
    assert (one["from_epoch"], one["to_epoch"], one["seconds"], one["worker"]) == (1, 1, 2.0, "host:12")
    assert one["together_with"] == ["t005"]
    text = told(capsys, "show", home.id, "t004")
    assert "0.25 M parameters, 1.5 ms an example" in text and "worker host:12 beside t005" in text


def falling(trial: int, epoch: int) -> float:
    """Earlier trials are better."""
    return 0.9 - trial / 100 + epoch / 1000


def test_a_pruned_trial_tells_where_it_ended_and_how_it_stood_there(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced("early_terminate={type: asha_stopping, eta: 3}", score=falling)
    rows = json.loads(told(capsys, "show", home.id, "--json"))["trials"]
    pruned = next(one for one in rows if one["state"] == "stopped")
    done = next(one for one in rows if one["state"] == "done")
    ended = {
        one["number"]: json.loads(told(capsys, "show", home.id, str(one["number"]), "--json"))["ended"]
        for one in (pruned, done)
    }
    assert ended[done["number"]] == "trained to the end"
    came = [one["number"] for one in rows if one["epochs"] >= pruned["epochs"]]
    place = sum(number < pruned["number"] for number in came) + 1
    assert ended[pruned["number"]].endswith(f"was place {place} of {len(came)}")
    assert ended[pruned["number"]].startswith(f"pruned after {pruned['epochs']} epoch")


def test_of_a_traceback_the_user_s_own_frames_are_shown() -> None:
    ours, installed = (
        Path(cluster.__file__).parent / "lanes" / "lane.py",
        "/x/lib/python3.12/site-packages/torch/a.py",
    )
    text = f"""Traceback (most recent call last):
  File "{ours}", line 3, in run
    call()
  File "/home/ann/train.py", line 7, in train
    model(x)
  File "{installed}", line 9, in forward
    raise ValueError
ValueError: too wide"""
    assert own_frames(text).splitlines() == [
        "Traceback (most recent call last):",
        '  File "/home/ann/train.py", line 7, in train',
        "    model(x)",
        "ValueError: too wide",
    ]
    nothing_own = text.replace("/home/ann", str(ours.parent))
    assert own_frames(nothing_own) == nothing_own and own_frames("no memory left") == "no memory left"
