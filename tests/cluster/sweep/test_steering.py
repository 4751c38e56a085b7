"""What users ask of a running sweep, from the command to the race, MLflow and back; lanes played by the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.sweep.files.inbox import send
from cluster.sweep.messages import Report
from cluster.sweep.reading import Reading
from cluster.sweep.steering.asking import Wish, answered, orders, wish_from_json, wish_to_json
from cluster.sweep.steering.helm import LOOK_EVERY_S, Helm
from cluster.sweep.steering.leg_marks import LegMarks
from cluster.sweep.steering.order import KIND, LANES, Order, orders_now, orders_waiting, send_order
from search_spaces.race.legs import Leg
from search_spaces.types.faults import SpecError
from tests.helpers.finished_sweep_without_ray import raced
from tests.helpers.small_sweep_in_mlflow import runs_of
from tests.helpers.sweep_without_lanes import SPEC, Life
from tracking import names

PAUSE = Order(deed="pause", trial=3, by="ann", at="2026-11-30 10:02:11")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACELINE_OWNER", "ann")
    return tmp_path


def test_order_waits_for_the_driver_and_what_is_none_is_told() -> None:
    home = raced("trials=40", most_legs=4)
    assert PAUSE.told == "paused by ann, 2026-11-30 10:02:11 UTC"
    first = send_order(home, PAUSE)
    send(home, KIND, {"deed": "eat", "trial": 1})
    send(home, KIND, {"deed": "pause", "who": 1})
    assert [order for _, order in orders_waiting(home)] == [PAUSE, None, None]
    assert first.answered(0) is None
    orders_waiting(home)[0][0].answer("done")
    assert len(orders_waiting(home)) == 2
    assert (first.answered(0), first.answered(0)) == ("done", None)


def faults(read: Reading, wish: Wish) -> list[str]:
    with pytest.raises(SpecError) as found:
        orders(read, wish)
    return [str(fault).removeprefix(f"sweep {read.home.id}: ") for fault in found.value.faults]


def test_every_trial_that_cannot_be_steered_is_told_at_once() -> None:
    read = Reading.of(raced("trials=40", most_legs=4))
    assert faults(read, ("pause", ("t2", "t99", "x", "3"))) == [
        "must be a trial that has not ended: it is failed, received 't2'",
        "has no such trial (it has t000 to t003), received 't99'",
        "has no such trial (it has t000 to t003), received 'x'",
        "nothing was done: give t003 without the others",
    ]
    assert [order.trial for order in orders(read, ("stop", ("t003", "3", "0")))] == [3, 0]
    assert faults(read, ("lanes", ("0",))) == ["must train on 1 to 4096 workers, received '0'"]


def test_finished_sweep_is_not_steered(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced()
    assert faults(Reading.of(home), ("boost", ("t1",))) == [
        "has finished: there is nothing left to steer, received t1"
    ]
    assert main(["boost", home.id, "t1"]) == 2
    assert "has finished" in capsys.readouterr().err
    assert not orders_waiting(home)


def test_what_is_asked_of_a_sweep_at_rest_waits_for_its_resume(
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = raced("trials=40", most_legs=4)
    assert main(["pause", home.id, "t3"]) == 0
    assert capsys.readouterr().out == (
        f"t003: sweep {home.id} is not running; `paceline resume {home.id}` takes it up\n"
    )
    [(_, order)] = orders_waiting(home)
    assert order and (order.deed, order.trial, order.by) == ("pause", 3, "ann")


def test_a_driver_that_does_not_answer_is_waited_for_once_and_not_for_each_trial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s, waits = 100.0, list[float]()
    monkeypatch.setattr("cluster.sweep.steering.asking.time.monotonic", lambda: now_s)

    class Silent:
        def answered(self, patience_s: float) -> str | None:
            nonlocal now_s
            waits.append(patience_s)
            now_s += patience_s
            return None

    assert answered([Silent(), Silent(), Silent()], 15.0) == [None] * 3
    assert waits == [15.0, 0.0, 0.0]


def test_wish_travels_to_a_target() -> None:
    wish: Wish = ("boost", ("t1", "t2"))
    assert wish_from_json(wish_to_json(wish)) == wish


def looked(helm: Helm, life: Life, *wanted: Order) -> list[str]:
    """Leave the orders, let the driver take them up, and return its answers."""
    sent = [send_order(helm.home, order) for order in wanted]
    helm._looked = -LOOK_EVERY_S
    helm.look(life.coordinator)
    return [message.answered(0) or "" for message in sent]


def test_driver_takes_up_what_is_asked_and_mlflow_and_the_study_know_by_whom(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    life = Life(uri)
    helm = Helm.of(life.home, 1, 2)
    leg = life.coordinator.next_leg()
    assert leg
    mark = helm.marks.of("search", leg.id)
    assert looked(helm, life, *orders_now("pause", [0, 7])) == [
        "t000 is paused, after its present epoch",
        "there is no trial t007 yet: 1 have begun",
    ]
    assert mark.exists(), "its lane ends the leg at the next epoch"
    life.train(leg)
    [answer] = looked(helm, life, *orders_now("pause", [0]))
    assert answer == "t000 has ended" and not mark.exists()

    second = life.coordinator.next_leg()
    assert second
    assert looked(helm, life, *orders_now("stop", [1])) == ["t001 is stopped"]
    life.train(second)
    lanes = Order(deed="lanes", lanes=9, by="bob", at="2026-11-30 10:02:11")
    assert looked(helm, life, lanes) == ["2 workers from now on: as many as fit, of 9 (9 workers by bob, "
                                         "2026-11-30 10:02:11 UTC)"]  # fmt: skip
    assert helm.num_lanes == 2
    assert Reading.of(life.home).study.facts()[LANES]["count"] == 9, "on disk before the answer is given"
    life.end()

    tags = {key: run[0].data.tags for key, run in runs_of(uri, life.home.id).items()}
    assert tags["t0000"][names.TRIAL_STEERED].startswith("paused by ann, ")
    assert tags["t0001"][names.TRIAL_STEERED].startswith("stopped by ann, ")
    assert tags["t0001"][names.TRIAL_STATE] == "pruned"
    rows = Reading.of(life.home).rows
    assert [len(row.steered) for row in rows] == [1, 1] and not rows[1].curve
    assert [row.word for row in rows] == ["done", "stopped"], "only the first ended before it could rest"


def test_fewer_lanes_end_the_legs_that_are_too_many(tmp_path: Path) -> None:
    life = Life(f"sqlite:///{tmp_path}/mlflow.db")
    helm = Helm.of(life.home, 3, 3)
    legs = [life.coordinator.next_leg() for _ in range(3)]
    assert all(legs)
    looked(helm, life, *orders_now("boost", [2]))
    for lanes, ended in ((2, [False, True, False]), (1, [True, True, False])):
        looked(helm, life, Order(deed="lanes", lanes=lanes))
        assert [helm.marks.of("search", number).exists() for number in range(3)] == ended, "the latest first"


def test_marks_of_one_driver_are_none_of_the_next(tmp_path: Path) -> None:
    home = raced()
    one, other = LegMarks.new(home), LegMarks.new(home)
    one.of("search", 0).touch()
    assert one.of("search", 0).exists()
    assert not other.of("search", 0).exists() and not one.of("final", 0).exists()
    assert not home.stop_mark.exists()
    home.stop_mark.touch()
    LegMarks.new(home)
    assert not one.of("search", 0).exists() and home.stop_mark.exists(), "a killed driver leaves none"


def test_further_seeds_rest_and_end_with_their_trial(tmp_path: Path) -> None:
    """A trial waits at the first rung while another seed of it trains; so does the next one."""
    spec = SPEC.replace("epochs: 2", "epochs: 9").replace("early_terminate: none", "repeats: {seeds: 2}")
    life = Life(f"sqlite:///{tmp_path}/mlflow.db", spec=spec.replace("trials: 3", "trials: 9"))
    helm = Helm.of(life.home, 1, 2)

    def seed_of(trial: int) -> Leg:
        while (leg := life.coordinator.next_leg()) and (leg.purpose, leg.members[0].trial) != ("repeat", trial):
            life.train(leg)
        assert leg
        return leg

    leg = seed_of(0)
    assert looked(helm, life, *orders_now("pause", [0])) == ["t000 is paused, after its present epoch"]
    assert helm.marks.of("repeat", leg.id).exists()
    life.coordinator.report(("repeat", leg.id), Report(done=True))
    other = life.coordinator.next_leg()
    assert other and other.members[0].trial == 1
    life.train(other)
    looked(helm, life, *orders_now("unpause", [0]))
    again = seed_of(0)
    assert again.members == leg.members, "it goes on with the same seed"
    assert looked(helm, life, *orders_now("stop", [0])) == ["t000 is stopped"]
    life.coordinator.report(("repeat", again.id), Report(done=True))
    while leg := life.coordinator.next_leg():
        assert leg.members[0].trial or leg.purpose == "final"
        life.train(leg)
    life.end()
    entry = life.coordinator.repeats and life.coordinator.repeats.entries[again.members[0].key]
    assert entry and entry["state"] == "stopped" and not entry["values"]
