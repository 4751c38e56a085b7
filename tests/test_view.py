"""What people see of a running and of an ended sweep: content, size, and no control characters in a pipe."""

from __future__ import annotations

import io
import os
import re
from typing import Any

import pytest
from rich.console import Console

from cluster import ending, words
from cluster.board import Title, chosen
from cluster.ending import Ending
from cluster.leaderboard import ranking
from cluster.progress import Row, Snapshot, Trouble
from cluster.view import LineView, LiveView, QuietView, picture

TITLE = Title(
    id="7f3a", name="digits-mlp", metric="val_accuracy", goal="maximize", method="tpe", schedule="asha", seed=3
)
URL = "http://127.0.0.1:5000/#/experiments/2/runs?viewStateShareKey=a1b2"
PARAMS = {"learning_rate": 1.234e-4, "dropout": 0.42, "batch_size": 64, "optimizer": "adamw", "activation": "relu"}


def row(number: int, **fields: Any) -> Row:
    best = fields.pop("best_value", 0.5 + number / 100)
    curve = fields.pop("curve", (0.1, 0.3, best))
    base = {
        "state": "done",
        "epochs": 9,
        "value": best,
        "seconds": 12.0,
        "params": PARAMS | {"dropout": number / 50},
    }
    return Row(number=number, best_value=best, curve=curve, **{**base, **fields})


def snapshot(*rows: Row, **fields: Any) -> Snapshot:
    base: dict[str, Any] = {"phase": "search", "num_planned": 40, "horizon": 9, "best": None, "num_lanes": 2}
    base |= {"epochs_trained": 80, "epochs_saved": 120, "elapsed_s": 65.0, "eta_s": 30.0}
    return Snapshot(rows=rows, **{**base, **fields})


def mixed() -> Snapshot:
    rows = [row(i) for i in range(12)]
    rows[1] = row(1, state="stopped", epochs=1)
    rows[2] = row(2, state="paused", epochs=3)
    rows[3] = row(3, state="failed", epochs=4, value=None, best_value=None, error="ValueError: boom", curve=())
    rows[0] = row(0, state="running", epochs=2)
    return snapshot(*rows, best=11)


def drawn(state: Snapshot, width: int, height: int = 40) -> list[str]:
    return [line.plain for line in picture(state, TITLE, URL, (width, height))]


@pytest.mark.parametrize(("width", "height"), [(140, 40), (80, 24), (60, 12), (30, 6), (10, 3)])
def test_the_picture_never_exceeds_the_terminal(width: int, height: int) -> None:
    lines = drawn(mixed(), width, height)
    assert len(lines) < height
    assert max(map(len, lines)) <= width


def test_a_wide_terminal_shows_everything() -> None:
    text = "\n".join(drawn(mixed(), 150))
    for part in (
        "digits-mlp-7f3a ━", "11/40", "● 1 running", "✓ 8 done", "◦ 1 paused", "■ 1 stopped", "✗ 1 failed",
        "0:01:05 ETA 0:00:30", "maximize val_accuracy · tpe + asha · 2 lanes · seed 3", "t011 ★", "9/9",
        "learning_rate", "1.2e-04", "adamw", "best  t011  val_accuracy 0.6100",
        "early stopping saved 60 % of the epochs",
        "(120 of 200)", URL, "Ctrl-C stops cleanly (again: now) · `paceline resume 7f3a` continues",
    ):  # fmt: skip
        assert part in text, part


def test_80_columns_keep_state_best_curve_and_what_differs() -> None:
    lines = drawn(mixed(), 80)
    head = next(line for line in lines if line.startswith("trial"))
    assert {"state", "best", "curve", "dropout"} <= set(head.split())
    assert "● 1  ✓ 8  " in lines[0].replace("✓ 8  ● 1  ", "● 1  ✓ 8  ")
    assert URL in "\n".join(lines)


def test_the_leaderboard_lists_the_best_first_and_the_running_below() -> None:
    numbers = [r.number for r in chosen(mixed(), TITLE, num_rows=20)]
    assert numbers == [11, 10, 9, 8, 7, 6, 5, 4, 0]
    assert [r.number for r in chosen(mixed(), TITLE, num_rows=3)] == [11, 10, 9]


def test_a_wide_cohort_does_not_fill_the_screen() -> None:
    rows = [row(i, state="running", epochs=0, best_value=None, curve=()) for i in range(64)]
    assert len(chosen(snapshot(*rows), TITLE, num_rows=60)) == 12


def test_minimising_ranks_the_smallest_first_and_nan_and_failed_last() -> None:
    rows = [row(0, best_value=None, state="failed"), row(1, best_value=2.0), row(2, best_value=float("nan"))]
    rows += [row(3, best_value=1.0), row(4, best_value=None, state="running")]
    assert [r.number for r in ranking(rows, descending=False)] == [3, 1, 2, 4, 0]


def test_an_empty_sweep_has_a_picture() -> None:
    text = "\n".join(drawn(snapshot(phase="starting", epochs_saved=0, epochs_trained=0, eta_s=None), 80))
    assert "0/40" in text
    assert "-:--:--" in text
    assert "best" not in text


def test_the_verdict_phase_counts_its_trainings() -> None:
    state = snapshot(row(1), phase="verdict", finals_done=2, finals_planned=9, best=1)
    assert "verdict 2/9" in drawn(state, 80)[0]


def test_a_link_is_whole_or_replaced_by_the_command_that_opens_it() -> None:
    def link(width: int) -> str:
        return next(line for line in drawn(mixed(), width) if line.startswith("UI"))

    assert link(120) == f"UI    {URL}  (while `paceline ui 7f3a` runs)"
    assert link(80) == f"UI    {URL}"
    assert link(60) == "UI    paceline ui 7f3a"


def test_a_trial_that_waits_for_a_lane_is_not_counted() -> None:
    waiting = row(1, state="paused", epochs=0, best_value=None, curve=())
    lines = drawn(snapshot(row(0), waiting), 120)
    assert "1/40  ✓ 1 done  0:01" in lines[0]
    assert not any(line.startswith("t001") for line in lines)


def test_long_values_and_names_are_cut() -> None:
    params = {"path_of_something_very_long": "a" * 60, "x": 1}
    line = drawn(snapshot(row(1, params=params), best=1), 80)
    assert all(len(text) <= 80 for text in line)
    assert any("aaa…aaa" in text for text in line)


@pytest.mark.parametrize(
    ("curve", "horizon", "bars"),
    [((0.0, 0.5, 1.0), 3, 3), ((0.0,) * 50, 100, 5), ((0.0,) * 100, 100, 10), ((), 9, 0), ((1.0,), 100, 1)],
)
def test_a_sparkline_is_as_long_as_the_share_of_the_epochs(
    curve: tuple[float, ...], horizon: int, bars: int
) -> None:
    assert len(words.sparkline(curve, horizon, 10, (0.0, 1.0))) == bars


def test_a_sparkline_shows_the_last_epoch_of_each_stretch_and_blanks_for_nan() -> None:
    assert words.sparkline((0.0, 1.0, 0.0, 1.0), 4, 2, (0.0, 1.0)) == "██"
    assert words.sparkline((0.0, float("nan"), 9.0), 3, 10, (0.0, 1.0)) == "▁ █"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.9e-4, "1.9e-04"), (0.42, "0.42"), (0.0, "0"), (32, "32"), (True, "true"), ("relu", "relu"), (None, "—"),
     (1234.5, "1234"), (3e7, "3.0e+07")],
)  # fmt: skip
def test_settings_are_short(value: Any, text: str) -> None:
    assert words.setting(value) == text


def test_the_live_view_draws_in_place_and_leaves_only_messages() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=30)
    with LiveView(TITLE, console) as view:
        view.progress(mixed())
        view.link(URL)
        view.message("the store was away")
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "the store was away" in written
    assert "t011 ★" in written
    assert "\x1b[1A\x1b[2K" in written[-200:], "the picture is erased at the end"


def test_no_color_leaves_no_colours() -> None:
    console = Console(
        file=io.StringIO(), force_terminal=True, width=100, _environ={"NO_COLOR": "1", "TERM": "xterm"}
    )
    for line in picture(mixed(), TITLE, URL, (100, 30)):
        console.print(line)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", console.file.getvalue())  # type: ignore[attr-defined]


def test_a_pipe_gets_a_line_a_trial_that_ends_and_no_control_characters() -> None:
    stream = io.StringIO()
    with LineView(TITLE, stream) as view:
        view.progress(snapshot(phase="starting"))
        view.progress(snapshot(row(0, state="running")))
        view.progress(mixed())
        view.progress(mixed())
        view.message("retried")
        view.progress(snapshot(*mixed().rows, phase="verdict", finals_planned=9, best=11))
    lines = stream.getvalue().splitlines()
    assert sum(bool(re.match(r"t\d{3} (done|stopped|failed) ", line)) for line in lines) == 10
    assert "t003 failed 4/9 epochs val_accuracy — " in stream.getvalue()
    assert any(line.endswith(": ValueError: boom") for line in lines)
    assert "retried" in lines
    assert lines[-1] == "verdict: 9 trainings on the test split"
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", stream.getvalue())


def test_a_resumed_sweep_does_not_tell_old_trials_again() -> None:
    stream = io.StringIO()
    with LineView(TITLE, stream) as view:
        view.progress(snapshot(row(0), row(1), phase="starting"))
        view.progress(snapshot(row(0), row(1), row(2)))
    told = re.findall(r"^t\d{3}", stream.getvalue(), re.MULTILINE)
    assert told == ["t002"]
    assert "2 trials ended before" in stream.getvalue()


def test_a_reader_that_goes_away_does_not_end_the_sweep() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream, LineView(TITLE, stream) as view:
        view.progress(mixed())
        view.message("still going")


def test_quiet_keeps_only_messages() -> None:
    stream = io.StringIO()
    with QuietView(stream) as view:
        view.progress(mixed())
        view.link(URL)
        view.message("a checkpoint was torn: passed over")
    assert stream.getvalue() == "a checkpoint was torn: passed over\n"


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
        (0.01, 0.03, "minimize", "is worse than"),
        (-0.03, -0.01, "minimize", "is better than"),
        (-0.03, -0.01, "maximize", "is worse than"),
        (-0.01, 0.03, "maximize", "spans zero"),
        (0.0, 0.0, "maximize", "spans zero"),
        (float("nan"), float("nan"), "maximize", "One seed gives no interval"),
    ],
)
def test_the_verdict_in_words(low: float, high: float, goal: str, words_of_it: str) -> None:
    told = verdict(low, high)
    if low != low:
        told["difference"] = {"mean": 0.02, "ci95": None}
    assert words_of_it in ending.judgement(told, goal)


def test_a_default_that_wins_is_called_by_its_name() -> None:
    same = verdict(0.0, 0.0)
    same["winner"]["number"] = 0
    assert "The winner is the default configuration" in ending.judgement(same, "maximize")


def told(document: dict[str, Any], troubles: list[Trouble], width: int = 80) -> str:
    console = Console(record=True, width=width, file=io.StringIO())
    end = Ending(
        title=TITLE,
        document=document,
        snapshot=mixed(),
        troubles=troubles,
        next=ending.next_commands("7f3a", document["state"]),
    )
    ending.show(end, console)
    return console.export_text()


def test_the_summary_tells_result_verdict_troubles_and_next_commands() -> None:
    long_url = "http://127.0.0.1:5000/" + "x" * 120
    trace = "Traceback (most recent call last):\n  [file] model.py\nValueError: boom [red]"
    text = told(
        {"state": "finished", "verdict": verdict(0.01, 0.03), "tracking": {"url": long_url}},
        [Trouble(traceback=trace, trials=(3, 5))],
    )
    for part in (
        "digits-mlp-7f3a finished: 12 trials (8 done, 1 running, 1 paused, 1 stopped, 1 failed) in 0:01:05",
        "t011 ★",
        "  winner      t011   0.9700  [0.9600, 0.9800]  3 seeds", "  difference        +0.0200  [0.0100, 0.0300]",
        "better than the default", "2 trials (t003, t005) met:", trace, "saved 60 %", long_url,
        "paceline ui 7f3a", "paceline best 7f3a -o best.yaml", "paceline show 7f3a --top 20",
    ):  # fmt: skip
        assert part in text, part
    assert len(re.findall(r"^t\d{3}", text, re.MULTILINE)) == 5


def test_tracebacks_through_the_same_code_are_shown_once() -> None:
    trace = "Traceback (most recent call last):\n  model.py, line 3\nValueError: {}"
    troubles = [Trouble(traceback=trace.format(i), trials=(i,)) for i in range(6)]
    text = told({"state": "finished"}, [*troubles, Trouble(traceback="diverged", trials=(9,))])
    assert text.count("model.py, line 3") == 1
    assert "6 trials (t000, t001, t002, t003, t004, t005) met:" in text
    assert [line for line in text.splitlines() if line.startswith("also: ")] == [
        "also: ValueError: 1",
        "also: ValueError: 2",
        "also: ValueError: 3",
        "also: 2 more messages from the same place",
    ]
    assert "1 trial (t009) met:\ndiverged" in text


def test_an_interrupted_sweep_says_how_to_go_on_first() -> None:
    text = told({"state": "interrupted", "verdict": None, "tracking": None}, [])
    assert "verdict" not in text
    assert text.index("paceline resume 7f3a") < text.index("paceline ui 7f3a")
