"""What people see of a running and of an ended sweep: content, size, and no control characters in a pipe."""

from __future__ import annotations

import io
import os
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from cluster.terminal import formatting
from cluster.terminal.leaderboard import Ranked, leaderboard
from cluster.terminal.live_lines import chosen
from cluster.terminal.records import Snapshot, ranked
from cluster.terminal.views import LineView, LiveView, QuietView, picture
from search_spaces.race.recommended import Tried
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import LOSS
from tests.helpers.sweep_in_every_state import TITLE, URL, mixed, row, snapshot


def drawn(state: Snapshot, width: int, height: int = 40) -> list[str]:
    return [line.plain for line in picture(state, TITLE, URL, (width, height))]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.968, "0.9680"),
        (9.99996, "10.000"),
        (123.456, "123.46"),
        (-49830.7618, "-49831"),
        (99999.6, "100000"),
        (305789.4, "305789"),
        (9999999.6, "1.000e+07"),
    ],
)
def test_values_of_metrics_have_five_significant_digits(value: float, text: str) -> None:
    assert formatting.measure(value) == text


def test_columns_that_do_not_fit_are_counted_and_the_least_important_go_first() -> None:
    rows = [row(number, params={"a": number, "b": number / 7, "c": number / 3}) for number in range(3)]
    known = Ranked(rows=rows, metric="val_accuracy", horizon=9, best=2, importance={"c": 0.7, "a": 0.2, "b": 0.1})
    heads = [str(leaderboard(known, width)[0]).split() for width in (200, 64, 52)]
    assert "+" not in " ".join(heads[0]) and {"a", "b", "c", "time"} <= set(heads[0])
    assert "c" in heads[1] and heads[1][-1] == "more"
    shown = [[name for name in head if name in "abc"] for head in heads]
    assert all(names[-1:] in (["c"], []) for names in shown), "c is the last of all, and goes last"
    num = int(heads[2][-2].removeprefix("+"))
    assert num + len(heads[2]) - 2 == len(heads[0])


@pytest.mark.parametrize(("width", "height"), [(140, 40), (80, 24), (60, 12), (30, 6), (10, 3)])
def test_the_picture_never_exceeds_the_terminal(width: int, height: int) -> None:
    lines = drawn(mixed(), width, height)
    assert len(lines) < height
    assert max(map(len, lines)) <= width


def test_a_wide_terminal_shows_everything() -> None:
    text = "\n".join(drawn(mixed(), 150))
    for part in (
        "digits-mlp-7f3a ━", "11/40", "● 1 running", "✓ 8 done", "◦ 1 waiting", "■ 1 pruned", "✗ 1 failed",
        "0:01:05 ETA 0:00:30", "maximize val_accuracy · tpe + asha · 2 workers · seed 3", "t011 ★", "9/9",
        "learning_rate", "1.2e-04", "adamw", "best in search  t011  val_accuracy 0.6100",
        "80 of 200 search epochs trained (early stopping saved 60 %)",
        URL, "Ctrl-C stops cleanly (again: now) · `paceline resume 7f3a` continues",
    ):  # fmt: skip
        assert part in text, part


def test_what_users_asked_of_a_trial_is_its_state() -> None:
    rows = [
        row(0, state="stopped", by_user="stopped"),
        row(1, state="stopped"),
        row(2, state="paused", by_user="paused"),
        row(3, state="paused", by_user="boosted"),
        row(4, state="running", by_user="boosted"),
        row(5, by_user="boosted"),
        row(6, state="paused"),
    ]
    lines = drawn(snapshot(*rows), 180)
    for part in (
        "✓ 1 done  ● 1 running, boosted  ◦ 1 paused  ◦ 1 waiting  ◦ 1 waiting, boosted  ■ 1 pruned  ■ 1 stopped",
        "t002   ◦ paused ", "t003   ◦ waiting, boosted", "t000   ■ stopped", "t001   ■ pruned",
    ):  # fmt: skip
        assert part in "\n".join(lines), part
    assert "◦ 3  ■ 2" in drawn(snapshot(*rows), 60)[0], "short of room they are one number"


def test_80_columns_keep_state_best_curve_and_what_differs() -> None:
    lines = drawn(mixed(), 80)
    head = next(line for line in lines if line.startswith("trial"))
    assert {"state", "best", "curve", "dropout"} <= set(head.split())
    assert "● 1  ✓ 8  " in lines[0].replace("✓ 8  ● 1  ", "● 1  ✓ 8  ")
    assert URL in "\n".join(lines)


def test_the_leaderboard_lists_the_best_first_and_the_running_below() -> None:
    numbers = [r.number for r in chosen(mixed(), TITLE, num_rows=20)]
    assert numbers == [11, 10, 9, 8, 7, 6, 5, 4, 2, 1, 0], "where there is room all that have a value are shown"
    assert [r.number for r in chosen(mixed(), TITLE, num_rows=9)] == [11, 10, 9, 8, 7, 6, 5, 4, 0]
    assert [r.number for r in chosen(mixed(), TITLE, num_rows=3)] == [11, 10, 9]


def test_a_wide_cohort_does_not_fill_the_screen() -> None:
    rows = [row(i, state="running", epochs=0, best_value=None, curve=()) for i in range(64)]
    assert len(chosen(snapshot(*rows), TITLE, num_rows=60)) == 12


def test_several_objectives_are_named_where_one_was() -> None:
    title = replace(TITLE, goals="maximize val_accuracy and minimize latency_ms")
    text = [line.plain for line in picture(mixed(), title, URL, (120, 40))]
    assert text[1].startswith("maximize val_accuracy and minimize latency_ms · tpe + asha"), text[1]
    stream = io.StringIO()
    with LineView(title, stream):
        pass
    assert "maximize val_accuracy and minimize latency_ms, tpe + asha" in stream.getvalue()


def test_lines_tell_why_a_trial_is_infeasible_and_what_further_seeds_come_to() -> None:
    slow = FailureReason("constraint", "latency_ms is 7.2, and must be at most 5")
    broken, done = row(0, state="infeasible", failure=slow, feasible=False), row(1, best_value=0.9)
    again = replace(done, further=Tried(1, [0.8]))
    stream = io.StringIO()
    with LineView(TITLE, stream) as view:
        view.progress(snapshot())
        view.progress(snapshot(broken, done))
        for _ in range(2):
            view.progress(snapshot(broken, again, retests_begun=2, retests_done=1))
    told = stream.getvalue().splitlines()
    assert told[2].startswith("t000 infeasible 9/9 epochs") and told[2].endswith(f": {slow.text}")
    assert [line for line in told if "again" in line] == ["t001 trained again: val_accuracy 0.8500 ±0.0707 ×2"]
    assert "retests 1/2" in drawn(snapshot(again, retests_begun=2, retests_done=1), 120)[0]


@pytest.mark.parametrize(
    ("processes", "told"), [("", "on 2 workers"), ("2 to 4", "on 2 workers of 2 to 4 processes")]
)
def test_how_many_processes_a_worker_has_is_told(processes: str, told: str) -> None:
    stream, title = io.StringIO(), replace(TITLE, processes=processes)
    with LineView(title, stream) as view:
        view.progress(snapshot(row(0)))
    assert any(line.endswith(told) for line in stream.getvalue().splitlines())


def test_epochs_with_further_seeds_are_told_beside_those_of_the_search() -> None:
    text = "\n".join(drawn(snapshot(row(1), epochs_of_further_seeds=6), 120))
    assert "80 of 200 search epochs trained (early stopping saved 60 %); 6 epochs with further seeds" in text
    text = "\n".join(drawn(snapshot(row(1), epochs_saved=0, epochs_of_further_seeds=1), 120))
    assert "80 search epochs trained; 1 epoch with further seeds" in text


def test_minimising_ranks_the_smallest_first_and_nan_and_failed_last() -> None:
    rows = [row(0, best_value=None, state="failed"), row(1, best_value=2.0), row(2, best_value=float("nan"))]
    rows += [row(3, best_value=1.0), row(4, best_value=None, state="running")]
    assert [r.number for r in ranked(rows, LOSS)] == [3, 1, 2, 4, 0]


def test_an_empty_sweep_has_a_picture() -> None:
    text = "\n".join(drawn(snapshot(phase="starting", epochs_saved=0, epochs_trained=0, eta_s=None), 80))
    assert "0/40" in text
    assert "-:--:--" in text
    assert "best" not in text


def test_the_verdict_phase_counts_its_trainings() -> None:
    state = snapshot(row(1), phase="verdict", finals_done=2, finals_planned=9, best=1)
    assert "final evaluation 2/9" in drawn(state, 80)[0]


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


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_bar_is_as_long_in_every_frame_and_the_name_whole(width: int) -> None:
    few, many = snapshot(row(0)), mixed()
    last = replace(mixed(), phase="verdict", finals_planned=9, eta_s=None)
    heads = [drawn(state, width)[0] for state in (few, many, last)]
    assert len({head.count("━") for head in heads}) == 1 and heads[0].count("━") >= 6
    assert width < 80 or all(head.startswith("digits-mlp-7f3a ━") for head in heads)
    if width < 100:
        assert not any("done" in head for head in heads), "marks alone"


def test_a_narrow_terminal_keeps_the_important_columns_and_says_how_many_it_leaves_out() -> None:
    names = ("batch_size", "activation", "momentum_of_the_first", "depth", "lr")
    rows = [row(i, params=dict.fromkeys(names, i / 10)) for i in range(4)]

    def head(**known: Any) -> str:
        return next(line for line in drawn(snapshot(*rows, **known), 80) if line.startswith("trial"))

    assert "batch_size" in head() and "lr" not in head().split() and head().endswith(" more")
    known = head(importance={"lr": 0.6, "depth": 0.3, "activation": 0.05, "batch_size": 0.03})
    assert {"lr", "depth"} <= set(known.split()) and "momentum" not in known and known.endswith(" more")
    assert "more" not in next(line for line in drawn(snapshot(*rows), 150) if line.startswith("trial"))


def test_a_curve_is_the_same_however_many_trials_are_shown() -> None:
    curves = [(0.1 * i, 0.2 * i, 0.05 * i * i) for i in range(14)]
    state = snapshot(*(row(i, curve=curve, best_value=max(curve)) for i, curve in enumerate(curves)))
    few, many = drawn(state, 150, 14), drawn(state, 150, 40)
    told = [line for line in few if line.startswith("t0")]
    assert 0 < len(told) < sum(line.startswith("t0") for line in many) and set(told) <= set(many)


def test_long_heads_are_cut_at_their_end_unless_they_begin_alike() -> None:
    def heads(*names: str) -> str:
        rows = [row(i, params=dict.fromkeys(names, i / 10)) for i in range(2)]
        return next(line for line in drawn(snapshot(*rows), 140) if line.startswith("trial"))

    assert "label_smoothi…" in heads("label_smoothing_factor", "lr")
    assert "embeddi…_first" in heads("embedding_dropout_first", "embedding_dropout_second")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.968, "0.9680"), (9.87654, "9.8765"), (97.12345, "97.123"), (49830.7618, "49831"), (-14812.4907, "-14812"),
     (147636.0, "147636"), (0.0004, "4.000e-04"), (0.0, "0.0000"), (float("nan"), "—")],
)  # fmt: skip
def test_metrics_have_five_significant_digits(value: float, text: str) -> None:
    assert formatting.measure(value) == text


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
    assert len(formatting.sparkline(dict(enumerate(curve, 1)), horizon, 10, (0.0, 1.0))) == bars


def test_a_sparkline_shows_the_last_epoch_of_each_stretch_and_blanks_for_nan() -> None:
    assert formatting.sparkline({1: 0.0, 2: 1.0, 3: 0.0, 4: 1.0}, 4, 2, (0.0, 1.0)) == "██"
    assert formatting.sparkline({1: 0.0, 2: float("nan"), 3: 9.0}, 3, 10, (0.0, 1.0)) == "▁ █"


def test_a_sparkline_of_a_script_that_validates_now_and_then_has_its_values_at_their_steps() -> None:
    curve = {200: 0.0, 400: 1.0, 500: 0.0}
    assert formatting.sparkline(curve, 1000, 10, (0.0, 1.0)) == " ▁▁█▁"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.9e-4, "1.9e-04"), (0.42, "0.42"), (0.0, "0"), (32, "32"), (True, "true"), ("relu", "relu"), (None, "null"),
     (1234.5, "1234"), (999.6, "1000"), (3e7, "3.0e+07")],
)  # fmt: skip
def test_settings_are_short(value: Any, text: str) -> None:
    assert formatting.setting(value) == text


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
    assert sum(bool(re.match(r"t\d{3} (done|pruned|failed) ", line)) for line in lines) == 10
    assert "t003 failed 4/9 epochs val_accuracy — " in stream.getvalue()
    assert any(line.endswith(": ValueError: boom") for line in lines)
    assert "retried" in lines
    assert lines[-1] == "final evaluation: 9 trainings, scored on test data"
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", stream.getvalue())


def test_a_pipe_is_told_what_the_sweep_is_at_in_every_phase() -> None:
    stream = io.StringIO()
    view = LineView(TITLE, stream)
    view.sign()
    for seen in (
        snapshot(phase="starting", stage="starting Ray", eta_s=None),
        mixed(),
        replace(mixed(), phase="verdict", finals_planned=9, finals_done=2),
        replace(mixed(), phase="verdict", finals_planned=9, stage="registering the champion"),
        replace(mixed(), phase="finished"),
    ):
        view.progress(seen)
        view.sign()
    told = [line for line in stream.getvalue().splitlines() if "ETA" in line or line.startswith("starting,")]
    assert told[0].startswith("starting, 0:00:0")
    assert told[1].startswith("starting Ray, 0:01:0") and told[1].endswith("ETA -:--:--")
    assert told[2].startswith("11/40  ✓ 8 done  ● 1 running") and ", 0:01:0" in told[2]
    assert told[3].startswith("final evaluation 2/9") and told[4].startswith("registering the champion")
    assert len(told) == 5, "nothing once it has ended"


def test_a_resumed_sweep_does_not_tell_old_trials_again() -> None:
    stream = io.StringIO()
    with LineView(TITLE, stream) as view:
        old = [row(0), row(1), replace(row(3), cached={"sweep": "1a2b", "trial": 3, "epoch": 9})]
        view.progress(snapshot(*old, phase="starting"))
        view.progress(snapshot(*old, row(2)))
    told = re.findall(r"^t\d{3}", stream.getvalue(), re.MULTILINE)
    assert told == ["t002"]
    assert "1 trial known from earlier sweeps\n2 trials ended before\n" in stream.getvalue()


@pytest.mark.parametrize("quiet", [False, True])
def test_a_reader_that_goes_away_does_not_end_the_sweep(quiet: bool) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream, QuietView(stream) if quiet else LineView(TITLE, stream) as view:
        view.progress(mixed())
        view.message("still going")


def test_quiet_keeps_only_messages() -> None:
    stream = io.StringIO()
    with QuietView(stream) as view:
        view.progress(mixed())
        view.link(URL)
        view.message("a checkpoint was torn: passed over")
    assert stream.getvalue() == "a checkpoint was torn: passed over\n"


@pytest.mark.parametrize(("height", "shown"), [(24, False), (50, True)])
def test_a_large_screen_tells_how_many_trials_reached_each_rung(height: int, shown: bool) -> None:
    state = mixed()
    titled = replace(TITLE, rungs=(1, 3, 9))
    lines = [line.plain for line in picture(state, titled, URL, (120, height))]
    assert len(lines) < height and max(map(len, lines)) <= 120
    told = [re.sub(r"\s+", " ", line).strip(" ━") for line in lines if line.startswith("epoch ")]
    expected = ["epoch 1 12 reached ■ 1 pruned", "epoch 3 10 reached ◦ 1 waiting", "epoch 9 8 reached"]
    assert told == (expected if shown else [])
    longest = [line.count("━") for line in lines if line.startswith("epoch ")]
    assert longest == sorted(longest, reverse=True)
    assert not [line for line in lines if line.startswith("Ctrl-C")] or lines[-1].startswith("Ctrl-C")
