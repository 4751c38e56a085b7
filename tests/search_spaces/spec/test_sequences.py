"""Texts and series in a spec: what they take, what they are by default, and every refusal with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.types.faults import SpecError
from tests.helpers.sequence_data import monthly
from workloads.registry import catalogue

TEXT = "workload: recurrent\ndata: {text: t.txt%s}\n"
SERIES = "workload: recurrent\ndata: {series: s.csv, value: sales, time: month%s}\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "t.txt").write_bytes("Ein gar schöner Text".encode("latin-1"))
    (tmp_path / "s.csv").write_text("\n".join(monthly()))
    return tmp_path


def parsed(text: str, folder: Path) -> Sweep:
    return parse_sweep(text, "sweep.yaml", folder, catalogue=catalogue())


def test_a_text_is_modelled_by_character_and_judged_by_bits(files: Path) -> None:
    sweep = parsed(TEXT % ", encoding: latin-1, window: 4", files)
    assert (sweep.problem, sweep.metric.name, sweep.metric.goal) == (
        "language",
        "val_bits_per_character",
        "minimize",
    )
    assert sweep.name == "recurrent-t"
    assert sweep.data.text == str(files / "t.txt")


def test_a_series_is_forecast_and_judged_in_its_units(files: Path) -> None:
    sweep = parsed(SERIES % ", window: 24, horizon: 3, season: 12, split: {train: 0.8, val: 0.1, test: 0.1}", files)
    assert (sweep.problem, sweep.metric.name) == ("forecast", "val_rmse")
    assert (sweep.data.window, sweep.data.horizon, sweep.data.season) == (24, 3, 12)


CASES = {
    "encoding": (TEXT % "", "data.encoding: must be the encoding of t.txt: byte 11 (0xf6) is no utf-8, received "
                 "'utf-8', did you mean 'cp1252'?"),
    "unknown encoding": (TEXT % ", encoding: utf-9", "data.encoding: unknown encoding, received 'utf-9', did you"),
    "no text encoding": (TEXT % ", encoding: base64", "data.encoding: unknown encoding, received 'base64'"),
    "seed": (TEXT % ", encoding: latin-1, split: {seed: 3}", "data.split.seed: has no effect with a text or a"),
    "horizon of a text": (TEXT % ", encoding: latin-1, horizon: 2", "data.horizon: has no effect with data.text "
                          "(only with data.series)"),
    "window of tokens": (
        (TEXT % ", encoding: latin-1, window: 4").replace("recurrent", "language"),
        "data.window: has no effect on workload language: a text is divided by parameters.max_length",
    ),
    "text of another workload": (
        (TEXT % ", encoding: latin-1").replace("recurrent", "mlp"),
        "data: must be table or image data for workload mlp, received text data",
    ),
    "no value": (
        "workload: recurrent\ndata: {series: s.csv, time: month}",
        "data.value: is required: the column to forecast, one of month, sales, note",
    ),
    "no time": (
        "workload: recurrent\ndata: {series: s.csv, value: sales}",
        "data.time: is required: the column that tells when, one of month, sales, note",
    ),
    "column": (
        "workload: recurrent\ndata: {series: s.csv, value: sale, time: month}",
        "data.value: must be a column of s.csv, received 'sale', did you mean 'sales'?",
    ),
    "same column": (
        "workload: recurrent\ndata: {series: s.csv, value: month, time: month}",
        "data.time: must be another column than the value",
    ),
    "window": (SERIES % ", window: 0", "data.window: must be >= 1, received 0"),
    "horizon": (SERIES % ", horizon: 1.5", "data.horizon: must be a whole number, received 1.5"),
    "series_id": (SERIES % ", series_id: shop", "data.series_id: must be a column of s.csv (it has month, "
                  "sales, note)"),
    "inputs": (SERIES % ", inputs: [nota]", "data.inputs.0: must be a column of s.csv, received 'nota', did you "
               "mean 'note'?"),
    "value as input": (SERIES % ", inputs: [note, sales]", "data.inputs: must be another column than the value"),
    "window of inputs": (SERIES % ", inputs: [note], window: 2, horizon: 3", "data.window: must be at least "
                         "data.horizon = 3"),
    "format": (SERIES % ", time_format: iso", "data.time_format: must be a pattern such as '%d.%m.%Y %H:%M', or "
               "one of ISO8601, unix_s"),
    "letter": (SERIES % ", time_format: '%D/%m/%Y'", "data.time_format: '%D' stands for nothing"),
    "no year": (SERIES % ", time_format: '%d.%m.'", "data.time_format: must hold the year, %Y or %y"),
    "zone": (SERIES % ", time_zone: Europe/Berlim", "data.time_zone: must be a place whose clock is known, such as "
             "Europe/Berlin, received 'Europe/Berlim', did you mean 'Europe/Berlin'?"),
    "gaps": (SERIES % ", gaps: ignore", "data.gaps: must be one of error, interpolate, carry or drop"),
    "duplicates": (SERIES % ", duplicates: first", "data.duplicates: must be one of error, mean or last"),
    "season": (SERIES % ", season: 24, window: 12", "data.season: must be at most data.window = 12"),
    "metric": (SERIES % "}\nmetric: {name: val_accuracy", "metric.name: unknown metric"),
    "no table": ("workload: recurrent\ndata: {series: t.txt, value: a, time: b}", "data.series: cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_told_with_its_place(files: Path, case: str) -> None:
    text, expected = CASES[case]
    with pytest.raises(SpecError) as caught:
        parsed(text, files)
    assert expected in str(caught.value)
    assert len(caught.value.faults) <= 2, str(caught.value)
