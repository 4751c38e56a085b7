"""Series: split by time, windows within each part, measured beside naive forecasts, and refused by the line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.testing import assert_close

from search_spaces.spec.data import Data
from tests.helpers.sequence_data import monthly, sequence_setup, series
from tests.helpers.workload_data import train
from workloads.arrays import DataError
from workloads.data.sources.series_calendar import Interval, calendar
from workloads.data.sources.series_times import read_times
from workloads.models.recurrent.workload import RecurrentHyperparameters
from workloads.tasks.forecast import Forecast
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Trainee


def test_windows_lie_within_their_part_and_targets_follow_them(tmp_path: Path) -> None:
    values = np.array([float(line.split(",")[1]) for line in monthly()[1:]])
    prepared = series(tmp_path)
    parts = {"train": prepared.search.train, "val": prepared.search.val, "test": prepared.test}
    bounds = {"train": (0, 84), "val": (84, 102), "test": (102, 120)}
    for name, part in parts.items():
        first, end = bounds[name]
        assert part.x.shape[1:] == (12, 1) and part.y.shape[1:] == (2,)
        assert prepared.indices[name].tolist() == list(range(first + 12, end - 1))
        for row, target in enumerate(prepared.indices[name]):
            assert part.x[row, :, 0].tolist() == values[target - 12 : target].tolist()
            assert part.y[row].tolist() == values[target : target + 2].tolist()


def test_the_scale_is_the_training_part_s_for_values_and_targets(tmp_path: Path) -> None:
    lines = monthly()
    lines[100:] = [f"{line.split(',')[0]},{1000 + i}," for i, line in enumerate(lines[100:])]
    prepared = series(tmp_path, lines)
    values = np.array([float(line.split(",")[1]) for line in lines[1:85]])
    shape = prepared.search.shape()
    assert (shape.target_mean, shape.target_std) == pytest.approx((values.mean(), values.std()))
    data = sequence_setup(prepared).data
    assert data.x_train[1, -1, 0] == pytest.approx(float(data.y_train[0, 0]))
    assert prepared.card.details == {"step": "1 month", "season": 12, "window": 12, "horizon": 2}


def naive_errors(values: np.ndarray, targets: np.ndarray, season: int, horizon: int) -> tuple[float, float]:
    """Root mean squares of both naive forecasts, straight from the series."""
    seasonal, last = [], []
    for t in targets:
        for h in range(horizon):
            ago = t + h - season * (h // season + 1)
            seasonal.append(values[t + h] - values[ago])
            last.append(values[t + h] - values[t - 1])
    return float(np.sqrt(np.mean(np.square(seasonal)))), float(np.sqrt(np.mean(np.square(last))))


@pytest.mark.parametrize(("season", "horizon"), [(12, 2), (3, 5), (1, 1)])
def test_naive_forecasts_are_measured_beside_the_model(tmp_path: Path, season: int, horizon: int) -> None:
    lines = [f"{line},"[:-1] for line in monthly(200)]
    prepared = series(tmp_path, lines, season=season, horizon=horizon)
    values = np.array([float(line.split(",")[1]) for line in lines[1:]])
    loop = PlainLoop(sequence_setup(prepared), Trainee(0, RecurrentHyperparameters(width=4)))
    expected = naive_errors(values, prepared.indices["val"], season, horizon)
    for (record,) in train(loop, 2):
        assert (record["val_naive_rmse"], record["val_persistence_rmse"]) == pytest.approx(expected)


def test_a_wave_is_forecast_better_than_by_any_naive_rule(tmp_path: Path) -> None:
    loop = PlainLoop(
        sequence_setup(series(tmp_path), torch.float32),
        Trainee(0, RecurrentHyperparameters(width=16, lr=0.02, batch_size=16)),
    )
    (record,) = train(loop, 40)[-1]
    assert record["val_rmse"] < min(record["val_naive_rmse"], record["val_persistence_rmse"]) / 2
    assert record["val_r2"] > 0.8


def test_measures_are_in_the_series_units() -> None:
    torch.manual_seed(0)
    x, y, guess = torch.randn(7, 5, 1), torch.randn(7, 2), torch.randn(3, 7, 2)
    task = Forecast(std=10.0, season=4)
    found = task.metrics(task.evaluate(lambda _: guess, x, y), y)
    assert_close(found["rmse"], 10 * (guess - y).double().square().mean((1, 2)).sqrt())
    assert_close(found["mae"], 10 * (guess - y).double().abs().mean((1, 2)))
    assert_close(found["naive_rmse"], 10 * (x[:, 1:3, 0] - y).double().square().mean().sqrt().expand(3))
    assert_close(found["persistence_rmse"], 10 * (x[:, 4:, 0] - y).double().square().mean().sqrt().expand(3))


def test_each_step_ahead_is_scored() -> None:
    torch.manual_seed(0)
    x, y, guess = torch.randn(7, 30, 1), torch.randn(7, 30), torch.randn(3, 7, 30)
    task = Forecast(std=10.0, season=4)
    found = task.metrics(task.evaluate(lambda _: guess, x, y), y)
    steps = [name for name in found if name.startswith("rmse_step_")]
    assert steps == [f"rmse_step_{k:02d}" for k in (1, 4, 6, 9, 12, 14, 17, 19, 22, 25, 27, 30)]
    for name in steps:
        k = int(name[-2:]) - 1
        assert_close(found[name], 10 * (guess[..., k] - y[:, k]).double().square().mean(1).sqrt())
        naive = 10 * (x[:, 26 + k % 4, 0] - y[:, k]).double().square().mean().sqrt()
        assert_close(found[f"naive_{name}"], naive.expand(3))
    several = task.metrics(task.evaluate(lambda _: guess[..., :2], x, y[:, :2]), y[:, :2])
    assert {"rmse_step_1", "rmse_step_2"} <= set(several)
    alone = task.metrics(task.evaluate(lambda _: guess[..., :1], x, y[:, :1]), y[:, :1])
    assert not [name for name in alone if "step" in name]


PACES = {
    "1 month": (pd.date_range("2020-01-31", periods=30, freq="ME"), 12),
    "3 months": (pd.date_range("2020-01-01", periods=30, freq="QS"), 4),
    "12 months": (pd.date_range("1820-01-01", periods=300, freq="YS"), 1),
    "1 week": (pd.date_range("2020-01-01", periods=30, freq="7D"), 52),
    "1 day": (pd.date_range("2020-01-01", periods=800, freq="D"), 7),
    "1 hour": (pd.date_range("2020-01-01", periods=90, freq="h"), 24),
    "30 minutes": (pd.date_range("2020-01-01", periods=90, freq="30min"), 48),
    "1 minute": (pd.date_range("2020-01-01", periods=90, freq="min"), 60),
    "7 hours": (pd.date_range("2020-01-01", periods=90, freq="7h"), 1),
}


def told(times: pd.Series) -> Interval:
    """Interval of a column of times."""
    data = Data()
    return calendar(read_times(times, data, str), data).interval


@pytest.mark.parametrize("name", PACES)
def test_step_and_season_are_read_from_the_times(name: str) -> None:
    times, season = PACES[name]
    written = pd.Series(times.strftime("%Y-%m-%d %H:%M"), name="when")
    assert told(written) == Interval(name, season)


@pytest.mark.parametrize("numbers", [[1900, 1901, 1902], [0.1, 0.2, 0.3], [-5, 0, 5]])
def test_numbers_tell_times_but_no_season(numbers: list[float]) -> None:
    assert told(pd.Series(numbers, name="t")).season == 1


def without(*rows: int) -> list[str]:
    return [line for i, line in enumerate(monthly()) if i not in rows]


def changed(row: int, line: str) -> list[str]:
    lines = monthly()
    lines[row] = line
    return lines


FAULTS = {
    "missing month": (without(14), r"some.csv:15: 1 x 1 month missing \(1951-03 after 1951-01\)"),
    "missing months": (without(14, 15, 40), r"some.csv:15: 2 x 1 month missing \(1951-04 after 1951-01\)"),
    "twice": (changed(9, "1950-08,5,"), r"some.csv:10: the time stands twice \(1950-08 after 1950-08\)"),
    "backwards": (changed(9, "1950-06,5,"), "some.csv:10: the time goes backwards"),
    "no time": (changed(9, "soon,5,"), "some.csv:10: the time 'month' must be a date or a number, not 'soon'"),
    "empty time": (changed(9, ",5,"), "some.csv:10: the time 'month' must be"),
    "blank line": (changed(9, ""), r"some.csv:11: 1 x 1 month missing \(1950-10 after 1950-08\)"),
    "text": (changed(9, "1950-09,many,"), "some.csv:10: the value 'sales' at 1950-09 is no finite number: 'many'"),
    "infinite": (changed(9, "1950-09,inf,"), "some.csv:10: the value 'sales' at 1950-09 is no finite number"),
    "no value": (changed(9, "1950-09,,"), "some.csv:10: the value 'sales' at 1950-09 is missing"),
    "short": (monthly(40), "the val part of some.csv holds 6 steps: window and horizon need 14"),
    "one line": (monthly(1), "a series needs at least two times"),
    "no line": (monthly(0), "some.csv cannot be read: it must hold at least one example"),
    "constant": (
        [line if i < 90 else f"{line[:7]},4," for i, line in enumerate(monthly(200))],
        "one value only: 4",
    ),
    "other column": (["month,sale,note", *monthly()[1:]], "some.csv has no column 'sales'; it has"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_series_is_named_at_its_first_place(tmp_path: Path, fault: str) -> None:
    lines, expected = FAULTS[fault]
    with pytest.raises(DataError, match=expected) as caught:
        series(tmp_path, lines)
    assert "\n" not in str(caught.value)


def test_a_season_longer_than_the_window_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"one season of 12 steps back, but data\.window is 6"):
        series(tmp_path, window=6)
    assert series(tmp_path, window=6, season=6).search.season == 6


def test_blank_lines_at_the_end_are_no_fault(tmp_path: Path) -> None:
    assert len(series(tmp_path, [*monthly(), "", ""]).search.train) == 71


def test_a_series_of_its_own_is_the_test_part(tmp_path: Path) -> None:
    (tmp_path / "later.csv").write_text("\n".join(monthly(30, 1960)))
    prepared = series(tmp_path, test=str(tmp_path / "later.csv"))
    assert len(prepared.test) == 30 - 12 - 2 + 1
    assert len(prepared.search.val) == round(120 * 0.15 / 0.85) - 13
