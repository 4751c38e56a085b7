"""What the sections draw of a sweep with planted truths: its numbers are those of ``show --json``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.report import history
from cluster.report.catalogue import CATALOGUE
from cluster.report.history import incumbents
from cluster.report.parameters import pairs, parallel, slices
from cluster.report.parameters.axes import Axis, axis, drawn, names, word
from cluster.report.records import Records
from cluster.report.running import failures, rungs, timeline
from cluster.report.trust import data_card, front, seeds, setup
from cluster.report.verdict import _saved
from cluster.sweep.home import SweepHome
from cluster.sweep.provenance.leg_log import LegRecord, legs
from cluster.sweep.reading import Reading
from search_spaces.race.finals import scores
from search_spaces.race.search import sweep_schedule
from search_spaces.space.domains import Int, Uniform
from search_spaces.types.trial_names import trial_name
from tests.helpers.finished_sweep_without_ray import SPEC, raced
from tests.helpers.large_sweep import large_sweep

OF_TWO = f"""{SPEC}
metrics: [{{name: val_accuracy}}, {{name: params_m, goal: minimize}}]
constraints: [{{metric: params_m, max: 6}}]
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("large"))
        yield Records(Reading.of(large_sweep("trials=240", "epochs=9")))


def of(home: SweepHome) -> Records:
    return Records(Reading.of(home))


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_the_planted_importance_orders_the_axes(large: Records) -> None:
    assert names(large)[:2] == ["lr", "dropout"]
    assert set(names(large)) == set(large.sweep.searched)
    assert axis(large, "lr").log and not axis(large, "dropout").log
    section = parallel.section(large)
    assert section is not None
    texts = [one.text for one in section.figures[0].layout.annotations]
    assert texts.index("<b>lr (log)</b>") < texts.index("<b>dropout</b>") < texts.index("<b>best val_accuracy</b>")
    panels = slices.section(large)
    assert panels is not None
    first = panels.figures[0].layout.xaxis
    assert (first.title.text, first.type) == ("lr (log)", "log")
    for figure in (section.figures[0], panels.figures[0]):
        assert "champion" in traces(figure) and "the best" not in traces(figure)


def test_trials_without_a_conditional_hyperparameter_are_drawn_as_not_having_it(large: Records) -> None:
    section, rows = parallel.section(large), drawn(large)
    assert section is not None and rows
    without = sum("momentum" not in row.params for row in rows)
    crossing = [x for trace in section.figures[0].data for x in trace.x if x == parallel.ABSENT]
    assert 0 < without == len(crossing) < len(rows)
    momentum = axis(large, "momentum")
    points = slices._points(momentum, [row for row in rows if "momentum" in row.params], {}, "", True)
    assert len(points.x) == len(rows) - without and min(points.x) >= 0.5


def test_an_axis_holds_what_lies_outside_of_its_space_and_zero_on_a_logarithm() -> None:
    log = Axis(name="lr", log=True, low=1e-4, high=1.0)
    assert [round(log.place(value), 6) for value in (1e-4, 1e-2, 1.0, 0.0)] == [0.0, 0.5, 1.0, 0.0]
    words = Axis(name="act", words=("relu", "null", "true"))
    assert [words.place(value) for value in ("relu", None, True)] == pytest.approx([1 / 6, 3 / 6, 5 / 6])
    assert [word(value) for value in (0.9999, 1.0, 1e-3, 1.24e-3)] == ["0.9999", "1", "1.0e-03", "0.00124"]


def test_a_value_that_a_logarithmic_axis_has_not_is_told(large: Records) -> None:
    rows = drawn(large)
    zero = replace(rows[0], params={**rows[0].params, "lr": 0.0})
    (told,) = slices._without_logarithm([axis(large, "lr")], [zero, *rows[1:]])
    assert f"lr (0 of {trial_name(zero.number)})" in told
    assert slices._without_logarithm([axis(large, "lr")], rows) == []


def test_the_upper_half_is_that_of_all_trials_also_where_some_are_drawn(
    large: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "MOST_TRIALS", 40)
    section, rows = parallel.section(large), drawn(large)
    assert section is not None
    lines = [trace for trace in section.figures[0].data if trace.name and trace.showlegend is False]
    groups = {trace.name: trace.y.count(None) for trace in lines}
    chosen = parallel._chosen(rows)
    assert groups["lower half"] == sum(row in chosen for row in rows[len(rows) // 2 :])
    assert sum(groups.values()) == 40


def test_what_cannot_be_told_from_is_not_counted_as_worse(large: Records) -> None:
    rows = [row for row in large.rows if row.best_value is not None]
    leader = incumbents(rows, large.objective)[-1]
    failed = replace(leader, number=10_000, best_value=2.0, state="failed")
    more = Records(replace(large.read))
    object.__setattr__(more.read, "rows", [*large.rows, failed])
    before, after = history.section(large), history.section(more)
    assert before is not None and after is not None and before.says == after.says


def test_the_rungs_of_a_script_without_a_length_are_those_that_were_reached(
    large: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Records, "open_ended", True)
    most = max(row.epochs for row in large.rows)
    monkeypatch.setattr(rungs, "sweep_schedule", lambda sweep: SimpleNamespace(rungs=(1, 3, most, 100_000)))
    section = rungs.section(large)
    assert section is not None and "100000" not in section.says and "to the end of the script" in section.says
    assert list(section.figures[0].data[0].y) == ["begun", "epoch 1", "epoch 3", f"epoch {most}"]


def test_what_the_line_on_saved_epochs_says_besides_their_number() -> None:
    line = "5 of 9 search epochs trained (early stopping saved 44 %)"
    more = "; 3 epochs with further seeds + 8 epochs of the final evaluation"
    assert _saved(line) == _saved(line + more) == "early stopping saved 44 %"
    assert _saved(f"9 search epochs trained{more}") == "of the search"


def test_the_cells_of_the_best_pair_are_means_of_all_trials(large: Records) -> None:
    section, rows = pairs.contour(large), drawn(large)
    assert section is not None and "lr" in section.heading
    cells = pairs._cells(rows, axis(large, "lr"), axis(large, "dropout"))
    assert sum(map(len, cells.values())) == len(rows)
    drawn_cells = [value for line in section.figures[0].data[0].z for value in line if value is not None]
    assert sorted(drawn_cells) == pytest.approx(sorted(sum(values) / len(values) for values in cells.values()))


def test_the_funnel_and_the_saved_epochs_are_those_of_the_document(large: Records) -> None:
    section, cost = rungs.section(large), large.document["cost"]
    assert section is not None
    funnel, bar = section.figures
    trials, steps = large.document["trials"], sweep_schedule(large.sweep).rungs
    reached = [sum(one["epochs"] >= rung for one in trials) for rung in steps]
    assert len(steps) > 1 and list(funnel.data[0].x) == [240, *reached]
    assert list(funnel.data[0].y) == ["begun", *(f"epoch {rung}" for rung in steps)]
    shown = {name: trace.x[0] for name, trace in traces(bar).items()}
    assert shown == {"trained in the search": cost["epochs_trained"], "saved by stopping": cost["epochs_saved"]}
    assert f"{cost['epochs_trained']:,}" in section.says


def test_every_failed_trial_is_named_and_messages_that_differ_in_numbers_are_one(large: Records) -> None:
    section, trials = failures.section(large), large.document["trials"]
    assert section is not None
    (table,) = section.tables
    bad = {trial_name(one["number"]) for one in trials if one["state"] in ("failed", "infeasible")}
    assert table["number"].sum() == len(bad)
    raised = table[table["message"].str.startswith("ValueError")]
    assert list(raised["trials"]) == ["t007, t067, t127, t187"] and list(raised["number"]) == [4]
    assert f"{len(bad)} trials of 240 failed" in section.says


def test_the_timeline_draws_each_leg_once_in_rows_that_do_not_overlap(large: Records) -> None:
    section, found = timeline.section(large), legs(large.read.study.facts())
    assert section is not None
    bars = [
        (row, base, width)
        for trace in section.figures[0].data
        for row, base, width in zip(trace.y, trace.base, trace.x, strict=True)
    ]
    assert len(bars) == len(found)
    for row in {row for row, _, _ in bars}:
        spans = sorted((base, base + width) for name, base, width in bars if name == row)
        assert all(later[0] >= earlier[1] - 0.002 for earlier, later in pairwise(spans))
    assert f"{len(found)} segments" in section.says


def leg(lane: str, began_s: float, ended_s: float, *members: str, **fields: Any) -> LegRecord:
    base: dict[str, Any] = {"purpose": "search", "start": 0, "stop": 1}
    return LegRecord(members=members, lane=lane, began_s=began_s, ended_s=ended_s, **{**base, **fields})


def test_a_pause_between_two_drivers_takes_no_room_and_a_new_process_takes_over_the_row() -> None:
    found = [leg("a:1", 100, 110, "t0000-s0"), leg("a:2", 101, 112, "t0001-s0"), leg("a:3", 4000, 4010, "t0000-s0")]
    at, gaps = timeline.shortened(found)
    assert (at[100], at[112], at[4000], at[4010]) == (0, 12, 12, 22)
    assert gaps == [(12, 4000 - 112)]
    assert timeline.workers(found) == {"a:1": 0, "a:2": 1, "a:3": 0}
    assert timeline.waits(found) == {"t0000-s0": 2, "t0001-s0": 0}


def test_dots_and_intervals_of_the_finalists_are_the_verdict_s(large: Records) -> None:
    section, verdict = seeds.section(large), large.verdict
    assert section is not None and verdict is not None
    entries = {key: one for key, one in large.read.study.facts().items() if key.startswith("final:")}
    values = scores(entries, verdict["metric"])
    found = seeds.lines(verdict, large.read.study.facts())
    assert [one.mean for one in found] == [
        *(one["test"]["mean"] for one in verdict["finalists"]),
        *(one["mean"] for one in verdict["baselines"]),
    ]
    assert [one.ci95 for one in found[: len(values)]] == [one["test"]["ci95"] for one in verdict["finalists"]]
    assert {one["number"]: line.seeds for one, line in zip(verdict["finalists"], found, strict=False)} == values
    dots = [x for trace in section.figures[0].data if trace.name == "one seed" for x in trace.x]
    assert sorted(dots) == sorted(value for of_trial in values.values() for value in of_trial.values())


def test_trial_0_does_not_set_the_finalists_apart() -> None:
    def judged(name: str, mean: float, default: bool = False) -> seeds.Judged:
        of_seeds = {1: mean - 0.01, 2: mean + 0.01}
        return seeds.Judged(name=name, colour="", mean=mean, ci95=(0, 1), seeds=of_seeds, default=default)

    found = [judged("t005 champion", 0.91), judged("t003", 0.90), judged("t000 defaults", 0.2, default=True)]
    assert seeds._says("test_accuracy", found).endswith("more than the means of the finalists lie apart (0.0100).")


def test_whole_numbers_of_a_small_range_are_categories_in_their_order(large: Records) -> None:
    row = replace(drawn(large)[0], params={"depth": 10, "lr": 0.1})
    sweep = SimpleNamespace(searched={"depth": Int(1, 3), "lr": Uniform(0.0, 1.0)})
    few = cast(Records, SimpleNamespace(sweep=sweep, rows=[row]))
    assert axis(few, "depth").words == ("1", "2", "3", "10") and axis(few, "lr").words == ()
    assert [text for _, text in Axis(name="leaves", log=True, low=4, high=128).ticks] == ["4", "23", "128"]


def test_a_single_lucky_trial_is_no_best_mean_and_that_is_told(large: Records) -> None:
    rows = drawn(large)
    across, up = axis(large, "lr"), axis(large, "dropout")
    cells = pairs._cells(rows, across, up)
    section = pairs.contour(large)
    assert section is not None and min(map(len, cells.values())) < pairs.ENOUGH
    assert section.says.startswith("The best mean of the cells with 3 trials or more, ")


def test_a_long_name_beside_the_seeds_takes_two_lines(large: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = seeds.Judged(name="trees of a forest (of sklearn)", colour="#000", mean=0.5, ci95=(0.4, 0.6), seeds={})
    monkeypatch.setattr(seeds, "lines", lambda verdict, facts: [judged])
    section = seeds.section(large)
    assert section is not None
    assert list(section.figures[0].layout.yaxis.ticktext) == ["trees of a forest (of<br>sklearn)"]


def test_missing_values_are_told_by_column(large: Records) -> None:
    records = Records(large.read)
    records.__dict__["card"] = {**(large.card or {}), "missing": {"age": 52}}
    section = data_card.section(records)
    assert section is not None
    facts = section.tables[0]
    assert dict(zip(facts["what"], facts["found"], strict=True))["missing values"] == "age (52)"


def test_the_front_and_who_breaks_a_constraint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    records = of(raced(text=OF_TWO))
    section, known = front.section(records), records.document["pareto_front"]
    assert section is not None and known is not None
    on = traces(section.figures[0])["on the front"]
    assert sorted(text.split("<")[0] for text in on.text) == sorted(
        trial_name(one["number"]) for one in known["trials"]
    )
    assert set(zip(on.x, on.y, strict=True)) == {tuple(one["values"].values()) for one in known["trials"]}
    broken = records.document["constraints"][0]["num_broken"]
    assert broken and f"{broken} trials break params_m <= 6" in section.says


def test_a_sweep_of_an_earlier_version_says_what_was_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    records = of(raced())
    told, when = setup.section(records), timeline.section(records)
    assert told is not None and when is not None
    assert "not recorded" in told.says and "Not recorded" in when.says and not when.figures
    assert "workload: softmax" in told.html


@pytest.mark.parametrize("most_legs", [0, 1, 4])
def test_a_sweep_that_has_hardly_begun_has_no_section_without_a_sentence(
    most_legs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = [row.draw(of(raced(most_legs=most_legs))) for row in CATALOGUE]
    assert [one.id for one in found if one is not None and not one.says] == []
    assert found[-1] is not None


def test_no_value_that_is_drawn_is_infinite(large: Records) -> None:
    for row in CATALOGUE:
        section = row.draw(large)
        for figure in section.figures if section else ():
            assert "NaN" not in figure.to_json() and "Infinity" not in figure.to_json(), row.name
    assert all(math.isfinite(row.best_value or 0.0) for row in drawn(large))
