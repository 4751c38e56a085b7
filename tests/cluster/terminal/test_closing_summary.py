"""What is said when a sweep has ended: verdict in words, troubles once, what to type next."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from cluster.terminal import closing_summary, formatting
from cluster.terminal.closing_summary import Ending
from cluster.terminal.ending import outcome
from cluster.terminal.records import Snapshot, Trouble
from search_spaces.race.recommended import Tried, estimates
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective
from search_spaces.types.problems import Goal
from tests.helpers.sweep_in_every_state import TITLE, mixed, row, snapshot


def verdict(low: float, high: float) -> dict[str, Any]:
    part = {"mean": 0.97, "ci95": [0.96, 0.98], "seeds": 3}
    return {
        "metric": "test_accuracy",
        "winner": {"number": 11, **part},
        "default": {"number": 0, **part, "mean": 0.95},
        "difference": {"mean": (low + high) / 2, "ci95": [low, high]},
    }


@pytest.mark.parametrize(
    ("low", "high", "goal", "words_of_it"),
    [
        (0.01, 0.03, "maximize", "is better than"),
        (0.01, 0.03, "minimize", "is WORSE than"),
        (-0.03, -0.01, "minimize", "is better than"),
        (-0.03, -0.01, "maximize", "is WORSE than"),
        (-0.01, 0.03, "maximize", "No significant difference"),
        (0.0, 0.0, "maximize", "No significant difference"),
        (float("nan"), float("nan"), "maximize", "There is no interval"),
    ],
)
def test_the_verdict_in_words(low: float, high: float, goal: Goal, words_of_it: str) -> None:
    told = verdict(low, high)
    if low != low:
        told["difference"] = {"mean": 0.02, "ci95": None}
    objective = Objective("val_accuracy", goal)
    assert words_of_it in closing_summary.judgement(told, objective)
    difference = next(str(line) for line in closing_summary.verdict_lines(told, objective) if "−" in str(line))
    assert difference.endswith("lower is better") == (goal == "minimize")


@pytest.mark.parametrize(
    ("value", "low", "high", "goal", "words_of_it"),
    [
        (
            15.6,
            10.0,
            20.0,
            "minimize",
            "WORSE than no model on this test split: seasonal naive forecast (15.600).",
        ),
        (15.6, -0.5, 20.0, "minimize", "(15.600), though the 95 % interval of the difference includes 0."),
        (0.9, -0.01, 0.03, "maximize", "not shown to be better than no model"),
        (0.5, 0.3, 0.5, "maximize", None),
    ],
)
def test_a_champion_that_is_no_better_than_no_model_is_called_so(
    value: float, low: float, high: float, goal: Goal, words_of_it: str | None
) -> None:
    difference = {"mean": (low + high) / 2, "ci95": [low, high], "seeds": 3}
    baseline = {"name": "seasonal naive forecast", "value": value, "difference": difference}
    it, objective = {**verdict(-0.01, 0.01), "baseline": baseline}, Objective("val_rmse", goal)
    found = closing_summary.warnings(it, objective)
    assert (words_of_it in found[0]) if words_of_it else found == []
    shown = [line for line in closing_summary.verdict_lines(it, objective) if str(line.style) == "bold red"]
    assert [str(line).strip() for line in shown] == found


@pytest.mark.parametrize("difference", [-7.407e-04, 0.02, -123456.0])
def test_values_of_the_final_evaluation_stand_in_one_column(difference: float) -> None:
    it = verdict(difference, difference)
    it["finalists"] = [
        {
            "number": number,
            "champion": number == 11,
            "default": False,
            "search_value": value,
            "validation_mean": 0.9,
            "test": {"mean": 0.9, "ci95": [0.8, 1.0]},
            "failed_seeds": [],
        }
        for number, value in ((11, 7.4e-04), (3, 0.25))
    ]
    lines = [str(line) for line in closing_summary.verdict_lines(it, TITLE.objective)]
    measured = [line for line in lines if line.startswith(("  champion", "  defaults"))]
    assert len(measured) == 3 and len({line.index("  [") for line in measured}) == 1, "\n".join(measured)
    assert len({line.index("validation") for line in lines if "validation 0" in line}) == 1


def test_defaults_that_are_infeasible_are_said_to_be_why_there_is_no_comparison() -> None:
    it = verdict(0.01, 0.03)
    it["default"], it["difference"] = {"number": 0, "mean": None, "seeds": 0}, {"mean": None}
    said = "The champion was not compared with the defaults, whose trainings failed or are infeasible."
    assert closing_summary.judgement(it, TITLE.objective) == said


def test_a_default_that_wins_is_called_by_its_name() -> None:
    same = verdict(0.0, 0.0)
    same["winner"]["number"] = 0
    assert "The champion is the default configuration" in closing_summary.judgement(same, TITLE.objective)


def test_the_one_configuration_of_a_sweep_is_compared_with_no_other() -> None:
    same = verdict(0.0, 0.0)
    same["winner"]["number"] = 0
    same["default"]["only_trial"] = True
    lines = [str(line) for line in closing_summary.verdict_lines(same, TITLE.objective)]
    assert "Only one configuration was tried: there is no other" in lines[-1]
    assert not [line for line in lines if "defaults" in line or "−" in line]


def ending(state: Snapshot) -> Ending:
    return Ending(title=TITLE, document={"state": "finished"}, snapshot=state, troubles=[], next=[])


def told(document: dict[str, Any], troubles: list[Trouble], width: int = 80) -> str:
    console = Console(record=True, width=width, file=io.StringIO())
    end = Ending(
        title=TITLE,
        document=document,
        snapshot=mixed(),
        troubles=troubles,
        next=closing_summary.next_commands({"sweep": "7f3a", "best": {"number": 11}, **document}),
    )
    closing_summary.show(end, console)
    return console.export_text()


def test_the_summary_tells_result_verdict_troubles_and_next_commands() -> None:
    long_url = "http://127.0.0.1:5000/" + "x" * 120
    trace = "Traceback (most recent call last):\n  [file] model.py\nValueError: boom [red]"
    importance = {"lr": 0.5, "dropout": 0.3, **{f"other{i}": 0.03 for i in range(4)}, "x": 0.02, "y": 0.06}
    text = told(
        {
            "state": "finished",
            "verdict": verdict(0.01, 0.03),
            "tracking": {"url": long_url},
            "importance": importance,
        },
        [Trouble(failure=FailureReason("raised", trace), trials=(3, 5))],
    )
    for part in (
        "digits-mlp-7f3a finished: 12 trials (8 done, 1 running, 1 waiting, 1 pruned, 1 failed) in 0:01:05",
        "t011 ★",
        "  champion              t011   0.9700  [0.9600, 0.9800]  3 seeds",
        "  champion − defaults         +0.0200  [0.0100, 0.0300]",
        "better than the defaults", "2 trials (t003, t005) failed with:", trace, "saved 60 %)", long_url,
        "\n  lr         50 %  ━━━━━━━━━━━━━━━\n  dropout    30 %  ━━━━━━━━━\n", "\n  2 others    8 %  ━━\n\n",
        "paceline ui 7f3a", "paceline best 7f3a -o best.yaml", "paceline show 7f3a --top 20",
    ):  # fmt: skip
        assert part in text, part
    assert len(re.findall(r"^t\d{3}", text, re.MULTILINE)) == 5


def test_how_sure_the_recommended_trial_is_stands_below_it() -> None:
    lucky, steady = row(1, best_value=0.99), row(2, best_value=0.97, further=Tried(2, [0.95]))
    known = estimates([one.tried for one in (lucky, steady) if one.tried], TITLE.objective)[1]
    state = snapshot(lucky, steady, best=1, recommended=known)
    lines = [str(line).strip() for line in closing_summary._table(ending(state), 200, 5)]
    assert "recommended     t002  val_accuracy 0.9600 ±0.0141 ×2" in "\n".join(lines)
    assert lines[-1].startswith(
        "Mean 0.9600 (standard deviation 0.0141) over 2 seeds, and shrunk toward the other trials, as"
    )
    assert lines[-1].endswith("t001, the best value in the search (0.9900), was trained with one seed.")


def test_two_times_of_a_trial_and_values_over_seeds_say_what_they_are() -> None:
    once, twice = row(1, best_value=0.97), row(2, best_value=0.96, first_value=0.98, further=Tried(2, [0.94]))
    trained = [replace(one, beside={"training_s": 0.57}, seconds=0.8) for one in (once, twice)]
    head, first, second, *lines = map(str, closing_summary._table(ending(snapshot(*trained, best=1)), 200, 5))
    assert "training_s" in head and lines[0].startswith("training_s: training and validation alone; time: of the")
    assert re.search(r"0\.9700  0\.9700 ×1 ", first) and re.search(r"0\.9800  0\.9600 ±0\.0283 ×2 ", second)
    plain = list(map(str, closing_summary._table(ending(snapshot(once, best=1)), 200, 5)))
    assert "mean" not in plain[0] and not plain[2], "none with one seed, and without training_s"


def test_tracebacks_through_the_same_code_are_shown_once() -> None:
    trace = "Traceback (most recent call last):\n  model.py, line 3\nValueError: {}"
    troubles = [Trouble(failure=FailureReason("raised", trace.format(i)), trials=(i,)) for i in range(6)]
    diverged = Trouble(failure=FailureReason("diverged", "val_loss is nan"), trials=(9,))
    text = told({"state": "finished"}, [*troubles, diverged])
    assert text.count("model.py, line 3") == 1
    assert "6 trials (t000, t001, t002, t003, t004, t005) failed with:" in text
    assert [line for line in text.splitlines() if line.startswith("also: ")] == [
        "also: ValueError: 1",
        "also: ValueError: 2",
        "also: ValueError: 3",
        "also: 2 more messages from the same place",
    ]
    assert "1 trial (t009) failed with:\ndiverged: val_loss is nan" in text


def test_a_leak_of_the_data_stands_in_red_beside_the_result() -> None:
    end = replace(
        ending(mixed()), document={"state": "finished", "verdict": verdict(0.1, 0.2), "leaks": ["3 rows"]}
    )
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    closing_summary.show(end, console)
    assert "\x1b[1;31mleak: 3 rows" in console.export_text(styles=True)


def test_a_stopped_sweep_says_how_to_go_on_first() -> None:
    text = told({"state": "stopped", "verdict": None, "tracking": None}, [])
    assert "evaluation on" not in text and "no final evaluation" not in text
    assert text.index("paceline resume 7f3a") < text.index("paceline best 7f3a")
    assert "paceline ui" not in text, "there is nothing to see yet"
    assert "paceline report 7f3a --open" in text


def test_what_comes_next_of_a_finished_sweep_holds_more_trials_where_there_can_be_some() -> None:
    document = {"sweep": "7f3a", "state": "finished", "best": None}
    more = [command for command, _ in closing_summary.next_commands(document, can_grow=True)]
    assert more == ["paceline show 7f3a --top 20", "paceline resume 7f3a --trials +20"]
    assert [command for command, _ in closing_summary.next_commands(document)] == more[:1]


def test_nothing_is_said_of_importance_where_there_is_none() -> None:
    assert closing_summary.importance_lines(None, "val_accuracy") == []
    assert "importance" not in told({"state": "finished"}, [])


@pytest.mark.parametrize(
    ("num_planned", "told"), [(8, "; the search ended: why"), (9, "; the search ended early: why")]
)
def test_a_search_whose_trials_are_all_there_did_not_end_early(num_planned: int, told: str) -> None:
    seen = snapshot(*(row(number) for number in range(8)), num_planned=num_planned)
    document = {"state": "finished", "ended_by": "why"}
    ending = Ending(title=TITLE, document=document, snapshot=seen, troubles=[], next=[])
    assert str(closing_summary._head(ending)).endswith(told)


def test_the_summary_tells_the_model_where_the_time_went_and_too_many_failures() -> None:
    parts = {"start": 2.0, "training": 28.4, "champion": 61.0, "logging": 0.2}
    document = {"state": "finished", "model": "models:/digits-mlp/3", "cost": {"parts": parts}}
    boom = Trouble(failure=FailureReason("raised", "ValueError: boom"), trials=(3, 5, 7))
    lines = told(document, [boom], 120).splitlines()
    assert "model models:/digits-mlp/3" in lines
    assert "time  baselines, tests and champion 1m01, training 28s, start 2.0s" in lines
    assert not any("max_failed_trials" in line for line in lines), "not known here"
    assert outcome.failures_line(3, 3) is None
    line = outcome.failures_line(3, 2)
    told_so = "3 trials failed after the last retry, more than max_failed_trials (2): exit code 3"
    assert line and line.plain == told_so
    end = replace(ending(mixed()), num_given_up=3, max_failed_trials=2)
    assert [str(found) for found in closing_summary._too_many(end)] == [line.plain]
    assert not closing_summary._too_many(replace(end, document={"state": "failed"})), "its exit code is another"


def test_a_traceback_in_the_summary_has_the_users_frames_alone() -> None:
    ours = formatting.__file__
    trace = f'Traceback (most recent call last):\n  File "{ours}", line 3, in run\n    call()\n'
    trace += '  File "/home/me/model.py", line 7'
    trace += ", in loss\n    return 1 / 0\nZeroDivisionError: division by zero"
    text = told({"state": "failed"}, [Trouble(failure=FailureReason("raised", trace), trials=(1,))], 120)
    assert 'File "/home/me/model.py", line 7, in loss' in text and ours not in text and "division by zero" in text
