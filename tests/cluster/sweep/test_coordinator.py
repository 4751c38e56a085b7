"""The conductor between a study and a real MLflow store, lanes played by the test: a verdict that must wait."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.sweep.coordinator import Coordinator
from cluster.sweep.messages import Report
from cluster.sweep.reading import Reading
from search_spaces.race.legs import MemberEpoch
from search_spaces.race.race import Race
from search_spaces.types.error_text import bounded
from search_spaces.types.failure import FailureReason
from tests.helpers.earlier_names import give_earlier_names
from tests.helpers.small_sweep_in_mlflow import runs_of
from tests.helpers.sweep_without_lanes import SPEC, Life, states
from tracking.writer import recent, spool
from tracking.writer.events import Reconciled
from workloads.legs import checkpoint


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("earlier", [False, True], ids=["", "earlier names"])
def test_a_verdict_that_was_cut_off_waits_for_the_longer_search(sqlite_uri: str, earlier: bool) -> None:
    life = Life(sqlite_uri)
    while (leg := life.coordinator.next_leg()) and leg.purpose == "search":
        life.train(leg)
    assert leg
    life.train(leg)
    cut_off = life.coordinator.next_leg()
    assert cut_off
    life.train(cut_off, score=False)
    life.end()
    begun = states(sqlite_uri, life.home)
    assert {key: begun[key] for key in ("t0002-s1", "t0002-s2")} == {
        "t0002-s1": ("done", "FINISHED"),
        "t0002-s2": ("waiting", "SCHEDULED"),
    }

    if earlier:
        give_earlier_names(sqlite_uri)
    life = Life(sqlite_uri, trials=5)
    first = life.coordinator.next_leg()
    assert first and first.purpose == "search" and first.members[0].trial == 3
    life.train(first)
    life.end()
    waiting = states(sqlite_uri, life.home)
    assert {key: waiting[key] for key in begun} == begun, "neither lost nor left running"
    assert waiting["t0003"] == ("done", "FINISHED")

    life = Life(sqlite_uri)
    while leg := life.coordinator.next_leg():
        life.train(leg)
    assert life.coordinator.finished
    life.end()
    seeds = {0: (1, 2, 3), 2: (2, 3), 4: (1, 2, 3)}
    wanted = {f"final t{trial:04d}-s{seed}" for trial, of in seeds.items() for seed in of}
    assert set(life.trained) == {"search t0004-s0", *wanted}, "what was scored stays, what was cut off is trained"
    assert len(life.trained) == len(set(life.trained))
    ended = states(sqlite_uri, life.home)
    assert set(ended.values()) == {("done", "FINISHED")}
    assert len(ended) == 5 + 3 * 3


def test_the_timeout_counts_from_the_first_leg_and_what_ended_the_search_is_one_field(
    sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long Ray and the data take to start, and in the final evaluation no second counts either."""
    clock = [1000.0]
    monkeypatch.setattr("cluster.sweep.coordinator.time.monotonic", lambda: clock[0])
    life = Life(sqlite_uri, spec=f"{SPEC}timeout: 10s\n")
    clock[0] += 60
    first = life.coordinator.next_leg()
    assert first is not None
    clock[0] += 9
    life.train(first)
    second = life.coordinator.next_leg()
    assert second and second.purpose == "search" and life.coordinator.searched_s == 9
    clock[0] += 2
    life.train(second)
    third = life.coordinator.next_leg()
    assert third and third.purpose == "final"
    clock[0] += 100
    assert life.coordinator.searched_s == 11
    life.train(third)
    while leg := life.coordinator.next_leg():
        life.train(leg)
    life.end()
    assert Reading.of(life.home).facts.ended_by == "the timeout of 10 s has passed"


def test_a_long_error_is_bounded_and_kept_whole_beside(sqlite_uri: str) -> None:
    life = Life(sqlite_uri)
    leg = life.coordinator.next_leg()
    assert leg
    text = "Traceback:\n" + "".join(f"line {k}\n" for k in range(5000)) + "x" * 9000 + "\nValueError: no"
    life.coordinator.fail((leg.purpose, leg.id), FailureReason("raised", text))
    [track] = [t for t in life.coordinator.races["search"].tracks if t.failure]
    assert track.failure and track.failure.line == "ValueError: no"
    lines = track.failure.text.splitlines()
    assert len(lines) == 202 and max(map(len, lines)) < 2100
    assert "[4803 lines left out]" in lines
    whole = Path(lines[0].removeprefix("[the whole text: ").removesuffix("]"))
    assert whole.read_text() == text
    life.end()
    [run] = runs_of(sqlite_uri, life.home.id)["t0000"]
    assert run.data.tags["trial.state"] == "waiting", "it is tried again"
    assert "trial.failure" not in run.data.tags, "only what has failed for good is told why: MLflow would keep it"
    for short in ("", "no luck\n", "Traceback:\n  deep\nValueError: it diverged\n"):
        assert bounded(short) == short


CONDITIONAL = SPEC.replace("trials: 3", "trials: 6").replace(
    "parameters: {",
    "parameters: {optimizer: {values: [adam, sgd]}, momentum: {min: 0.5, max: 0.9, when: {optimizer: sgd}}, ",
)


def test_a_hyperparameter_that_a_trial_does_not_use_is_none_of_its_run(sqlite_uri: str) -> None:
    life = Life(sqlite_uri, spec=CONDITIONAL)
    while (leg := life.coordinator.next_leg()) and leg.purpose == "search":
        life.train(leg)
    life.end()
    runs = runs_of(sqlite_uri, life.home.id)
    kinds = {key: run.data.params["optimizer"] for key, [run] in runs.items() if key and "-" not in key}
    assert set(kinds.values()) == {"adam", "sgd"}
    shown = {f"t{row.number:04d}": row.params for row in Reading.of(life.home).rows}
    for key, kind in kinds.items():
        [run] = runs[key]
        in_mlflow = ("momentum" in run.data.params, "xparam.momentum" in run.data.metrics)
        assert {*in_mlflow, "momentum" in shown[key]} == {kind == "sgd"}, "the terminal shows a dash"
    [own] = runs[""]
    began_s = life.home.began_s
    assert own.info.start_time == pytest.approx(1000 * began_s, abs=2), "as `ls` tells it"


def test_a_copied_home_uses_and_deletes_its_own_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the old place belong to the sweep there; those of the copy are no strays."""
    roots = [str(tmp_path / place) for place in ("old", "new")]
    paths = [checkpoint.folder(root, "t0001-s0", epoch) for root in roots for epoch in (1, 2)]
    for path in paths:
        checkpoint.put(path, checkpoint.WEIGHTS, b"")
        checkpoint.put(path, checkpoint.STATE, b"{}")
    track = cast(Any, SimpleNamespace(checkpoint=paths[1], previous=paths[0], state="ready"))
    race = cast(Any, SimpleNamespace(tracks=[track, SimpleNamespace(checkpoint=None, previous=None, state="done")]))
    race.garbage, race._shared, race.relocate = [], set(), partial(Race.relocate, race)
    home = SimpleNamespace(checkpoints=str(tmp_path / "new"))
    copy = cast(Any, SimpleNamespace(home=home, races={"search": race}, say=print))
    copy.members = SimpleNamespace(all=lambda: [("trial", each) for each in race.tracks])
    monkeypatch.setattr("cluster.sweep.coordinator.go_back", lambda *_: None)  # these have no weights
    assert Coordinator._revived(copy, race) is race
    assert (track.previous, track.checkpoint) == (paths[2], paths[3]) and race.tracks[1].checkpoint is None
    Coordinator._drop_strays(copy)
    assert race.garbage == []


def test_of_events_that_are_lost_on_their_way_mlflow_gets_what_the_study_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recent, "RECENT_BYTES", 1000)
    life = Life("http://127.0.0.1:9")  # which takes none
    for harm in (False, True):
        leg = life.coordinator.next_leg()
        assert leg
        if harm:
            (life.home.spool / "events.jsonl").write_bytes(b"")
        life.train(leg)
    (life.home.spool / "events.jsonl").write_bytes(b"")  # behind the last report
    life.writer._spool.harmed()
    life.coordinator.make_up()
    assert not life.writer.close(0)
    *earlier, told = [event for event in spool.read(life.home.spool) if isinstance(event, Reconciled)]
    assert (
        all(event.lost for event in earlier)
        and told.lost
        and {key: [*facts.history] for key, facts in told.expected.items()}
        == {
            "t0000": [1, 2],
            "t0001": [1, 2],
        }
    )


def test_a_metric_may_come_behind_the_rung_at_which_another_script_was_stopped(sqlite_uri: str) -> None:
    text = SPEC.replace("early_terminate: none", "early_terminate: {type: asha_stopping}").replace(
        "epochs: 2", "epochs: 9"
    )
    life = Life(sqlite_uri, spec=f"{text}constraints: [{{metric: val_loss, max: 1}}]\n")
    it, race = life.coordinator, life.coordinator.races["search"]
    race.rules = replace(race.rules, runs_on=True)
    it.unreported.criteria = replace(it.unreported.criteria, sparse=True)
    legs = [it.next_leg(), it.next_leg()]
    for leg, value in zip(legs, (0.9, 0.1), strict=True):
        assert leg is not None and leg.stop == 9
        measured = MemberEpoch(key=leg.members[0].key, epoch=1, metrics={"val_accuracy": value})
        it.report((leg.purpose, leg.id), Report(epochs=[measured], seconds=1.0))
    assert legs[1] is not None
    assert [track.leaving for track in race.tracks] == [False, True]
    it.report((legs[1].purpose, legs[1].id), Report(seconds=1.0, done=True))
    assert it.unreported.names == []
    life.end()


def test_a_message_of_a_lane_names_its_trial_as_people_know_it(
    sqlite_uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    life = Life(sqlite_uri)
    leg = life.coordinator.next_leg()
    assert leg
    life.coordinator.report((leg.purpose, leg.id), Report(messages=["val_acc is printed"]))
    assert "t000: val_acc is printed" in capsys.readouterr().out.splitlines()
    life.end()


def test_a_leg_begins_without_a_sync_of_the_disk_and_its_report_is_synced(
    sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    life, syncs = Life(sqlite_uri), list[bool]()
    flush = life.coordinator.study.flush
    monkeypatch.setattr(life.coordinator.study, "flush", lambda sync=True: (syncs.append(sync), flush(sync)))
    leg = life.coordinator.next_leg()
    assert leg and syncs == [False]
    life.train(leg)
    assert syncs == [False, True]
    life.end()
