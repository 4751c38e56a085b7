"""The report's numbers are those of ``--json`` and of the terminal, for sweeps at any point of their way."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from cluster.report import curves, history, importance, verdict
from cluster.report.records import Records
from cluster.report.report import page
from cluster.report.visible import visible
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from cluster.terminal.formatting import interval, measure
from search_spaces.types.objective import Objective
from tests.helpers.large_sweep import large_sweep


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SweepHome:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("report"))
        return large_sweep("trials=60", "epochs=12", model="models:/large@champion")


def read(home: SweepHome) -> Records:
    return Records(Reading.of(home))


def text_of(records: Records) -> str:
    html = page(records).page.html().decode()
    return unescape(re.sub(r"<script.*?</script>|<style.*?</style>", "", html, flags=re.S))


def test_the_verdict_s_numbers_are_those_of_the_document(home: SweepHome) -> None:
    records = read(home)
    told, text = records.document["verdict"], text_of(records)
    assert records.document["model"] == "models:/large@champion"
    for part in (
        told["winner"],
        told["difference"],
        *(one["test"] for one in told["finalists"]),
        *told["baselines"],
    ):
        assert measure(part["mean"]) in text and interval(part["ci95"]) in text
    for number in (one["number"] for one in told["finalists"]):
        assert f"<td>t{number:03d}</td>" in text
    assert "The sweep has finished: 60 of 60 trials (" in text and "models:/large@champion" in text.replace(
        "<wbr>", ""
    )
    assert f"<strong>{records.document['cost']['epochs_trained']:,}</strong>" in text


def test_a_baseline_that_wins_and_a_leak_are_in_red(home: SweepHome) -> None:
    records = read(home)
    assert records.verdict is not None
    records.__dict__["card"] = {**(records.card or {}), "leaks": ["test holds 3 rows of train"]}
    warned = verdict.section(records).warnings
    assert set(warned) > set(records.verdict["warnings"]) and len(records.verdict["warnings"]) == 1
    assert "does NOT beat logistic regression" in warned[0] and warned[-1] == "Leak: test holds 3 rows of train"
    red = [tile.name for tile in verdict.section(records).tiles if tile.warns]
    assert red == ["best baseline: logistic regression on pixels"]


def test_history_marks_the_champion_and_its_steps_only_get_better(home: SweepHome) -> None:
    records = read(home)
    found = history.section(records)
    assert found is not None
    traces = {trace.name: trace for trace in found.figures[0].data}
    steps = list(traces["best so far"].y)
    assert steps == sorted(steps) and steps[-1] == records.document["best_in_search"]["value"]
    assert list(traces["champion"].x) == [records.document["best"]["number"]]
    drawn = sum(len(traces[name].x) for name in ("done", "pruned", "failed"))
    assert drawn == sum(one["best_value"] is not None for one in records.document["trials"])


def test_of_many_curves_an_even_choice_is_drawn_and_that_is_said(
    home: SweepHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = read(home)
    whole = curves.section(records)
    assert whole is not None and not whole.notes
    best = records.read.best
    assert best is not None and list(best.curve.values()) == [
        y for y in whole.figures[0].data[-1].y if y is not None
    ]
    monkeypatch.setattr(curves, "evenly", lambda rows: rows[:2])
    few = curves.section(records)
    assert few is not None and re.match(r"Drawn are 2 of \d+ ended early and 2 of \d failed", few.notes[0])


def test_an_even_choice_has_the_first_and_the_last() -> None:
    rows = list(range(1000))
    chosen = curves.evenly(rows, 7)  # type: ignore[type-var]
    assert len(chosen) == 7 and chosen[0] == 0 and chosen[-1] == 999
    assert curves.evenly(rows[:7], 7) == rows[:7]  # type: ignore[type-var]


def test_importance_is_that_of_the_document_and_finds_what_was_planted(home: SweepHome) -> None:
    records = read(home)
    found = importance.section(records)
    assert found is not None
    bars = found.figures[0].data[0]
    shares = records.document["importance"]
    assert dict(zip(bars.y, bars.x, strict=True)) == {name: 100 * share for name, share in shares.items()}
    assert bars.y[-1] == "lr" and found.says.startswith("lr matters most")


def test_importance_tells_how_many_trials_it_is_told_from_and_why_there_is_none(home: SweepHome) -> None:
    records = read(home)
    done = next(row for row in records.rows if row.state == "done")
    outside = {**done.params, "lr": 1e9}
    object.__setattr__(records.read, "rows", [*records.rows, replace(done, number=900, params=outside)])
    used = importance._used(records)
    assert used == importance._used(read(home)) and used >= 20
    records.__dict__["document"] = {**records.document, "importance": None}
    section = importance.section(records)
    assert section is not None and section.says.startswith("No hyperparameter sets the better half")


def test_outliers_are_cut_off_on_the_bad_side_alone_and_counted() -> None:
    loss = Objective("val_loss", "minimize")
    values = [0.1, *(0.2 + k / 100 for k in range(97)), 1e6, 1e9, float("nan")]
    shown = visible(values, loss)
    assert shown.bounds is not None and shown.bounds[0] < 0.1 and 1 < shown.bounds[1] < 2
    assert shown.num_beyond == 2 and "Beyond the axis: 2 of 100 values" in shown.notes[0]
    few = visible([55.0, 56.0, 58.0, 60.0, 61.0, 63.0, 661.0], loss)
    assert few.num_beyond == 1 and few.bounds is not None and few.bounds[1] < 70
    assert visible(values[:-3], loss).bounds is None and visible([], loss).bounds is None
    mirrored = visible([-value for value in values], Objective("score", "maximize"))
    assert mirrored.bounds == [-shown.bounds[1], -shown.bounds[0]]


def test_a_sweep_that_was_cut_off_is_drawn_as_far_as_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = text_of(read(large_sweep("trials=24", "epochs=9", most_legs=3)))
    assert "The sweep was stopped" in text and "paceline resume" in text
    assert "is the best so far" in text and "no score on test data" in text
    nothing = text_of(read(large_sweep("trials=24", "epochs=9", most_legs=0)))
    assert "No trial came to a value." in nothing and "id='history'" not in nothing
