"""What a sweep has used: each epoch of repeats and retests once, also over a resume; lanes played by the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.sweep.limits.accounts import Accounts
from cluster.sweep.messages import Report
from tests.cluster.sweep.test_retests import SPEC, noisy
from tests.helpers.sweep_without_lanes import Life
from tests.helpers.toy_race import toy_sweep

FOUR = SPEC.replace("trials: 12", "trials: 4")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def used(life: Life) -> int:
    """Return the epochs that were used, as users are told."""
    spent = life.coordinator.spent
    return int(spent["epochs"] + spent["repeat_epochs"])


@pytest.mark.parametrize("retest", ["none", "0.25"])
def test_further_seeds_count_once_also_where_the_driver_died(sqlite_uri: str, retest: str) -> None:
    """All legs have two epochs."""
    life = Life(sqlite_uri, spec=FOUR.replace("0.25", retest) + "repeats: {seeds: 2}\n", value=noisy)
    before = 0
    while (leg := life.coordinator.next_leg()) and leg.purpose != "final":
        life.train(leg)
        assert used(life) == 2 * (before + len(life.trained))
        if leg.purpose == "repeat" and not before:
            before = len(life.trained)
            life.end()
            life = Life(sqlite_uri, value=noisy)
            assert used(life) == 2 * before, "what no driver could tell any more is in the study"
    assert leg and any(key.startswith("repeat") for key in life.trained)
    life.end()


@pytest.mark.parametrize("num_judged", [1, 4])
def test_a_sweep_with_repeats_ends_though_its_driver_died_in_the_verdict(sqlite_uri: str, num_judged: int) -> None:
    life = Life(sqlite_uri, spec=FOUR.replace("0.25", "none") + "repeats: {seeds: 2}\n", value=noisy)
    while sum(key.startswith("final") for key in life.trained) < num_judged:
        leg = life.coordinator.next_leg()
        assert leg
        life.train(leg)
    life.end()
    life = Life(sqlite_uri, value=noisy)
    while leg := life.coordinator.next_leg():
        life.train(leg)
    assert len(life.trained) == 4 - num_judged and life.coordinator.finished
    assert life.coordinator.spent["final_epochs"] == 4 * 2, "also of those that an earlier driver trained"
    life.end()


def test_retests_stay_counted_while_another_driver_judges(sqlite_uri: str) -> None:
    life = Life(sqlite_uri, spec=SPEC, value=noisy)
    while (leg := life.coordinator.next_leg()) and leg.purpose != "final":
        life.train(leg)
    assert used(life) == 2 * (12 + 4)
    life.end()
    life = Life(sqlite_uri, value=noisy)
    leg = life.coordinator.next_leg()
    assert leg and leg.purpose == "final"
    assert used(life) == 2 * (12 + 4)
    life.end()


def test_hours_that_are_left_pay_for_retests_and_they_count_in_the_search_of_a_resume(sqlite_uri: str) -> None:
    """Each leg takes a second: 12 for the search, and 4 for retests."""
    spec = f"{SPEC}budget: {{lane_hours: {17 / 3600}}}\n"
    life = Life(sqlite_uri, spec=spec, value=noisy)
    while (leg := life.coordinator.next_leg()) and leg.purpose == "search":
        life.train(leg)
    assert leg
    life.train(leg)
    life.end()
    trained = life.trained
    life = Life(sqlite_uri, value=noisy)
    while (leg := life.coordinator.next_leg()) and leg.purpose == "repeat":
        assert life.coordinator.searched_s > 0
        life.train(leg)
    assert leg and len(trained + life.trained) == 12 + 4
    life.end()


def test_what_a_lane_needs_to_start_is_not_billed_but_the_work_of_one_that_died_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("search_spaces.race.ending.overdue.time.monotonic", lambda: now)
    accounts = Accounts(toy_sweep(), {})
    first, second = ("search", 0), ("search", 1)
    accounts.times.began(first)
    now += 12
    assert accounts.running_s([first], final=False) == 0
    accounts.heard(first, Report(seconds=0.5, done=True))
    accounts.over(first, reported=True)
    assert accounts.spending.lane_s["search"] == 0.5
    accounts.times.began(second)
    now += 3
    accounts.heard(second, Report(seconds=2.5))
    now += 7
    assert accounts.running_s([second], final=False) == 2.5 + 7
    accounts.over(second, reported=False)
    assert accounts.spending.lane_s["search"] == 0.5 + 2.5 + 7
