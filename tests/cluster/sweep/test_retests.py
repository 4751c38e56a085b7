"""Retests of a sweep between its study and a real MLflow store: the best was lucky, and it is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.sweep.document import document
from cluster.sweep.reading import Reading, snapshot
from cluster.terminal.leaderboard_file import leaderboard
from cluster.terminal.live_lines import Title, best_lines
from cluster.terminal.plans.preview import lines, preview
from search_spaces.race.legs import Member
from tests.helpers.small_sweep_in_mlflow import runs_of
from tests.helpers.sweep_without_lanes import Life, states
from workloads.registry import catalogue

SPEC = """
name: noisy
workload: softmax
data: {name: wine}
epochs: 2
early_terminate: none
train_together: 1
trials: 12
method: random
parameters: {lr: {min: 0.001, max: 0.1, log: true}}
final: {top: 1, seeds: 2}
retest: 0.25
"""
LUCKY, STEADY = 7, 3


def noisy(member: Member, epoch: int) -> float:
    """The lucky trial was good with its first seed alone; of the steady one all seeds are good."""
    if member.trial == LUCKY:
        return 0.95 if member.seed == 0 else 0.7 + member.seed % 10 / 100
    return 0.9 + member.seed % 10 / 1000 if member.trial == STEADY else 0.5 + member.trial / 100


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_best_is_tried_again_and_the_steady_one_recommended_also_across_a_stop(sqlite_uri: str) -> None:
    """12 trials of 2 epochs and a quarter for retests: 4 trainings, in rounds of 2, 1 and 1."""
    life = Life(sqlite_uri, spec=SPEC, value=noisy)
    while (leg := life.coordinator.next_leg()) and leg.purpose == "search":
        life.train(leg)
    assert leg and leg.purpose == "repeat" and leg.members[0].key == "t0007-s1001"
    life.train(leg)
    cut_off = life.coordinator.next_leg()
    assert cut_off and cut_off.members[0].key == "t0003-s1001"
    life.train(cut_off, score=False)
    life.end()

    life = Life(sqlite_uri, value=noisy)
    while leg := life.coordinator.next_leg():
        life.train(leg)
    assert life.coordinator.finished
    again = ["repeat t0003-s1001", "repeat t0003-s1002", "repeat t0003-s1003"]
    assert life.trained == [*again, *(f"final t{trial:04d}-s{seed}" for trial in (3, 0) for seed in (1, 2))]
    life.end()
    ended = states(sqlite_uri, life.home)
    assert len(ended) == 12 + 4 + 4 and set(ended.values()) == {("done", "FINISHED")}
    found = runs_of(sqlite_uri, life.home.id)
    [run] = found["t0003-s1002"]
    assert run.data.tags["sweep.role"] == "repeat" and run.data.tags["trial.number"] == "3"
    [run] = found["t0003"]
    assert run.data.metrics["num_seeds"] == 4, "as soon as it is known, and not by a summary at the end"
    assert run.data.metrics["mean_val_accuracy"] == pytest.approx(0.9015)
    assert "num_seeds" not in found["t0001"][0].data.metrics

    read = Reading.of(life.home)
    told = document(read)
    assert len(told["trials"]) == 12, "a trial that is tried again stays one trial"
    assert told["best_in_search"]["number"] == LUCKY and told["best"] == {
        **told["best"], "number": STEADY, "by": "retests"
    }  # fmt: skip
    assert told["recommended"]["number"] == STEADY and told["recommended"]["seeds"] == 4
    low, high = told["recommended"]["ci95"]
    assert low < told["recommended"]["estimate"] < high
    assert told["trials"][STEADY]["seeds"]["values"] == pytest.approx([0.9, 0.901, 0.902, 0.903])
    assert told["trials"][0]["seeds"] is None
    table = leaderboard(read.rows, read.sweep)
    [row] = [row for row in table.rows if row[0] == STEADY]
    assert dict(zip(table.columns, row, strict=True)) | {"num_seeds": 4, "mean_val_accuracy": 0.9015} == dict(
        zip(table.columns, row, strict=True)
    )
    title = Title(id="1", name="noisy", objective=read.sweep.objective, method="tpe", schedule="none", seed=0)
    shown = [str(line) for line in best_lines(snapshot(read), title, 200)]
    assert "t007" in shown[0] and "recommended     t003  val_accuracy 0.9015 ±0.0013 ×4" in shown[1]


def test_auto_goes_on_only_while_another_trial_may_be_better(sqlite_uri: str) -> None:
    """44 trials pay for 6 retests: two show that there is no noise beside the lead, and are all."""
    life = Life(sqlite_uri, spec=SPEC.replace("retest: 0.25", "").replace("12", "44"))
    while leg := life.coordinator.next_leg():
        life.train(leg)
    kinds = [key.split()[0] for key in life.trained]
    assert kinds == ["search"] * 44 + ["repeat"] * 2 + ["final"] * 4
    life.end()


@pytest.mark.parametrize("text", ["retest: none", "retest: 0", ""])
def test_without_retests_nothing_changes(sqlite_uri: str, text: str) -> None:
    """A small sweep has none by itself, either."""
    life = Life(sqlite_uri, spec=SPEC.replace("retest: 0.25", text), value=noisy)
    while leg := life.coordinator.next_leg():
        life.train(leg)
    assert life.trained[-1] == "final t0000-s2" and not any("repeat" in key for key in life.trained)
    life.end()
    told = document(Reading.of(life.home))
    assert told["best"]["number"] == told["recommended"]["number"] == LUCKY
    assert told["recommended"]["ci95"] is None and told["best"]["by"] == "search"


def test_a_search_that_was_cut_short_has_none(sqlite_uri: str) -> None:
    life = Life(sqlite_uri, spec=SPEC.replace("method: random", "metric: {target: 0.94}"), value=noisy)
    while leg := life.coordinator.next_leg():
        life.train(leg)
    assert not any("repeat" in key for key in life.trained)
    life.end()
    life = Life(sqlite_uri, value=noisy)
    assert life.coordinator.next_leg() is None and life.coordinator.finished
    life.end()


def test_check_tells_how_many_trainings_there_may_be() -> None:
    from search_spaces.spec.sweep import parse_sweep

    def told(text: str) -> list[str]:
        sweep = parse_sweep(SPEC.replace("retest: 0.25", text), "s.yaml", None, catalogue=catalogue())
        plan = preview(sweep, 1, catalogue().workload("softmax").hyperparameters)
        return [line for line in lines(sweep, plan) if line.startswith("retests")]

    assert told("retest: 0.25") == ["retests     up to 4 trainings of the best with new seeds"]
    assert told("retest: 0.01") == ["retests     none: 1% of all epochs is less than one training"]
    assert told("") == told("retest: none") == []


def test_repeats_train_beside_the_search_and_the_mean_is_the_value_everywhere(sqlite_uri: str) -> None:
    """Also across a stop amid them; the lucky trial's further seeds show what it is worth."""
    spec = SPEC.replace("retest: 0.25", "retest: none\nrepeats: {seeds: 3}")
    life = Life(sqlite_uri, spec=spec, value=noisy)
    while (leg := life.coordinator.next_leg()) and len(life.trained) < 15:
        life.train(leg)
    life.end()
    life = Life(sqlite_uri, value=noisy)
    while leg := life.coordinator.next_leg():
        life.train(leg)
    assert life.coordinator.finished
    life.end()
    assert set(states(sqlite_uri, life.home).values()) == {("done", "FINISHED")}
    read = Reading.of(life.home)
    told = document(read)
    assert len(told["trials"]) == 12 and told["best_in_search"]["number"] == STEADY
    best, lucky = told["trials"][STEADY], told["trials"][LUCKY]
    assert best["best_value"] == pytest.approx(best["seeds"]["mean"]) == pytest.approx(0.901)
    assert best["seeds"]["values"] == pytest.approx([0.9, 0.901, 0.902])
    assert lucky["best_value"] == pytest.approx((0.95 + 0.71 + 0.72) / 3), "its own noise hides it"
    assert told["trials"][STEADY + 1]["seeds"] is None, "clearly worse with one"
    records = read.study.records()
    assert all(record.outcome == "done" for record in records)
    found = runs_of(sqlite_uri, life.home.id)
    (steady,), (worse,) = found[f"t{STEADY:04d}"], found[f"t{STEADY + 1:04d}"]
    assert steady.data.metrics["num_seeds"] == 3 and worse.data.metrics["num_seeds"] == 1
    assert steady.data.metrics["mean_val_accuracy"] == pytest.approx(0.901), "told by no summary at the end"
    assert worse.data.metrics["mean_val_accuracy"] == worse.data.metrics["best_val_accuracy"]
