"""How many trials a sweep can be given, on real homes with real journals; the refusals in their four parts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.sweep.more_trials import can_grow, new_total
from cluster.sweep.reading import Reading
from search_spaces.types.faults import SpecError
from tests.helpers.finished_sweep_without_ray import raced

GRID = """
name: grid
workload: softmax
data: {name: wine}
method: grid
epochs: 3
early_terminate: none
cohort: 1
parameters:
  lr: {values: [0.01, 0.02, 0.05]}
  batch_size: {values: [32, 64]}
"""
NOTHING = "name: one\nworkload: softmax\ndata: {name: wine}\nepochs: 2\nparameters: {lr: 0.01}\n"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(read: Reading, wanted: str) -> str:
    with pytest.raises(SpecError) as found:
        new_total(read, wanted)
    [fault] = found.value.faults
    assert fault.place and fault.rule and fault.received and fault.suggestion
    return str(fault)


def test_more_trials_of_a_finished_sweep() -> None:
    read = Reading.of(raced())
    assert (new_total(read, "+4"), new_total(read, "13"), new_total(read, "10")) == (13, 13, 10)
    assert can_grow(read)
    assert refusal(read, "9") == (
        "--trials: must come to 10 or more, for 9 trials were tried already, received '9', did you mean '+10'?"
    )
    assert "10 or more" in refusal(read, "3")


def test_another_plan_for_a_sweep_that_was_stopped() -> None:
    home = raced("trials=40", "early_terminate=none", most_legs=5)
    read = Reading.of(home)
    assert read.state == "stopped" and len(read.rows) == 5
    assert (new_total(read, "+4"), new_total(read, "5"), new_total(read, "20")) == (44, 5, 20)
    assert refusal(read, "4") == (
        "--trials: must come to 5 or more, for 5 trials were tried already, received '4', did you mean '+4'?"
    )
    assert refusal(read, "40") == (
        "--trials: must differ from the 40 that are planned already, received '40', "
        f"did you mean `paceline resume {home.id}`?"
    )


def test_a_search_that_ended_before_its_plan_counts_from_what_there_is() -> None:
    read = Reading.of(raced("trials=40", "early_terminate=none", most_legs=5, searched=True))
    assert (new_total(read, "+4"), new_total(read, "40")) == (9, 40)
    assert "6 or more" in refusal(read, "5")


@pytest.mark.parametrize("wanted", ["", "+", "0", "+0", "-3", "+-3", "1e3", "2.5", "many", "++4", "9" * 30, "٣"])
def test_what_is_no_number_of_trials(wanted: str) -> None:
    assert "must be a whole number of trials in all, or + and how many more" in refusal(Reading.of(raced()), wanted)


def test_a_grid_says_how_many_it_holds() -> None:
    home = raced("trials=5", text=GRID)
    read = Reading.of(home)
    assert len(read.rows) == 5
    assert (new_total(read, "+1"), new_total(read, "6")) == (6, 6)
    assert refusal(read, "+8") == (
        "--trials: must come to 6 or fewer: this space holds no more, received '+8', did you mean '6'?"
    )
    whole = Reading.of(raced(text=GRID))
    assert len(whole.rows) == 6 and not can_grow(whole)
    assert "this space holds 6 trials, and all have been tried" in refusal(whole, "+1")
    stopped = raced(text=GRID, most_legs=2)
    assert f"did you mean `paceline resume {stopped.id}`?" in refusal(Reading.of(stopped), "+1")


def test_what_is_tried_first_outside_of_the_grid_counts_too() -> None:
    text = GRID.replace("[0.01, 0.02, 0.05]", "[0.02, 0.05]") + "start_from: [{batch_size: 32}]\n"
    read = Reading.of(raced(text=text))
    assert len(read.rows) == 4 + 2, "the whole grid, the defaults, and what starts from them"
    assert "holds 6 trials" in refusal(read, "+1")


def test_a_finite_space_bounds_every_method() -> None:
    read = Reading.of(raced("method=tpe", "trials=4", text=GRID))
    assert new_total(read, "+2") == 6
    assert "6 or fewer" in refusal(read, "+3")
    assert "this space holds 1 trial, and" in refusal(Reading.of(raced(text=NOTHING)), "+3")


def test_what_would_end_at_once_is_refused() -> None:
    home = raced("timeout=60s")
    assert refusal(Reading.of(home), "+3") == (
        "--trials: must be left out: the timeout of 60 s is used up after 65 s, received '+3', "
        f"did you mean `paceline edit {home.id} timeout=...` before it?"
    )
    assert new_total(Reading.of(raced("timeout=70s")), "+3") == 12
    assert "the target of 0.55 is reached" in refusal(Reading.of(raced("metric.target=0.55")), "+3")
    assert new_total(Reading.of(raced("metric.target=0.95")), "+3") == 12


def test_the_command_refuses_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced()
    spec, journal = home.spec.read_text(), home.journal.read_bytes()
    assert main(["resume", "--trials", "3"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", [refusal(Reading.of(home), "3")])
    assert (home.spec.read_text(), home.journal.read_bytes()) == (spec, journal)
    with home.driven():
        assert main(["resume", "--trials", "+3"]) == 2
    assert f"driven by process {os.getpid()}" in capsys.readouterr().err
    assert home.spec.read_text() == spec


def test_a_kept_spec_is_read_again_and_keeps_its_date() -> None:
    home = raced()
    os.utime(home.spec, (1e9, 1e9))
    home.keep(home.sweep().model_copy(update={"trials": 77}))
    assert home.sweep().trials == 77
    assert home.spec.stat().st_mtime == 1e9
