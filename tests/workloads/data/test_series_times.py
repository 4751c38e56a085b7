"""A series' times as people write them: calendars, zones, formats; what is missing or doubled, and its ways out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from pandas.tseries.holiday import USFederalHolidayCalendar
from pandas.tseries.offsets import CustomBusinessDay

from search_spaces.spec.data import Data, Split
from tests.helpers.sequence_data import sequence_setup
from tests.helpers.workload_data import train
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared
from workloads.data.sources.series import series
from workloads.data.sources.series_steps import facts_of, read_steps
from workloads.models.recurrent.workload import RecurrentHyperparameters
from workloads.training.folds import fold_data
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Trainee


def data(folder: Path, times: Sequence[Any], values: Sequence[Any] | None = None, **how: Any) -> Data:
    """A series whose value at row k is k, unless ``values`` says otherwise."""
    rows = zip(times, range(len(times)) if values is None else values, strict=True)
    (folder / "s.csv").write_text("t,v\n" + "".join(f'"{time}",{value}\n' for time, value in rows))
    return Data(**{"series": str(folder / "s.csv"), "time": "t", "value": "v", "window": 3, "season": 1, **how})


def prepared(folder: Path, times: Sequence[Any], values: Sequence[Any] | None = None, **how: Any) -> Prepared:
    return prepare(data(folder, times, values, **how))


def days(freq: Any, num: int = 120, form: str = "%Y-%m-%d", start: str = "2019-12-30") -> list[str]:
    return list(pd.date_range(start, periods=num, freq=freq).strftime(form))


HOLIDAYS = CustomBusinessDay(calendar=USFederalHolidayCalendar())
BERLIN = pd.date_range("2024-03-25", "2024-10-31", freq="h", tz="Europe/Berlin")
NEW_YORK = pd.date_range("2024-03-01", "2024-11-10", freq="30min", tz="America/New_York")
NOON = pd.date_range("2024-03-01 12:00", periods=60, freq="D", tz="Europe/Berlin")
SECONDS = [1_700_000_000 + 3600 * k for k in range(60)]
CALENDARS: dict[str, tuple[Sequence[Any], tuple[str, int]]] = {
    "every weekday": (days("B"), ("1 weekday", 5)),
    "trading days": (days(HOLIDAYS, 500), ("1 trading day", 5)),
    "a week of six days": (
        [day.strftime("%Y-%m-%d") for day in pd.date_range("2020-01-01", periods=99) if day.weekday() != 6],
        ("1 day (Mon Tue Wed Thu Fri Sat)", 6),
    ),
    "ends of months": (days("ME"), ("1 month", 12)),
    "last weekdays of months": (days("BME"), ("1 month", 12)),
    "first weekdays of months": (days("BMS"), ("1 month", 12)),
    "the 30th, or the last of February": (
        [
            f"{y}-{m:02d}-{min(30, pd.Period(f'{y}-{m}').days_in_month)}"
            for y in range(2000, 2009)
            for m in range(1, 13)
        ],
        ("1 month", 12),
    ),
    "ends of quarters": (days("QE"), ("3 months", 4)),
    "quarters": ([f"{1950 + k // 4}-Q{k % 4 + 1}" for k in range(90)], ("3 months", 4)),
    "weeks": (days("W-MON", form="%G-W%V"), ("1 week", 52)),
    "Sundays": (days("W-SUN"), ("1 week", 52)),
    "offsets": (list(BERLIN.strftime("%Y-%m-%dT%H:%M:%S%z")), ("1 hour", 24)),
    "zone's short names": (list(BERLIN.strftime("%Y-%m-%d %H:%M %Z")), ("1 hour", 24)),
    "zone's name": ([f"{time} Europe/Berlin" for time in BERLIN.strftime("%Y-%m-%d %H:%M")], ("1 hour", 24)),
    "offset and name": (
        [f"{time}[Europe/Berlin]" for time in BERLIN.strftime("%Y-%m-%dT%H:%M%z")],
        ("1 hour", 24),
    ),
    "days of 23 and 25 hours": (list(NOON.strftime("%Y-%m-%d %H:%M%z")), ("1 day", 7)),
    "Unix seconds": (SECONDS, ("1 hour", 24)),
    "Unix milliseconds": ([second * 1000 for second in SECONDS], ("1 hour", 24)),
    "Unix nanoseconds": ([second * 10**9 for second in SECONDS], ("1 hour", 24)),
    "dots": (days("D", form="%d.%m.%Y"), ("1 day", 7)),
    "slashes": (days("D", form="%m/%d/%y"), ("1 day", 7)),
    "digits": (days("D", form="%Y%m%d"), ("1 day", 7)),
    "digits of months": (days("MS", form="%Y%m"), ("1 month", 12)),
    "month's names": (days("MS", form="%b %Y"), ("1 month", 12)),
    "half days": (days("12h", form="%m/%d/%Y %I:%M %p"), ("12 hours", 2)),
    "newest first": (days("D")[::-1], ("1 day", 7)),
    "seconds": (days("2s", form="%Y-%m-%d %H:%M:%S"), ("2 seconds", 30)),
}


@pytest.mark.parametrize("name", CALENDARS)
def test_the_calendar_is_told_from_the_times(tmp_path: Path, name: str) -> None:
    times, expected = CALENDARS[name]
    (found,) = read_steps(str(tmp_path / "s.csv"), data(tmp_path, times))
    assert (found.interval.name, found.interval.season) == expected
    order = -1 if name == "newest first" else 1
    assert found.values[:, 0].tolist() == list(range(len(times)))[::order]


ZONES: dict[str, tuple[Sequence[Any], str]] = {
    "hours": (list(BERLIN.strftime("%Y-%m-%d %H:%M")), "Europe/Berlin"),
    "half hours, which go backwards": (list(NEW_YORK.strftime("%m/%d/%Y %I:%M %p")), "America/New_York"),
    "midnights in UTC": (
        list(
            pd.date_range("2024-01-01", periods=200, tz="Europe/Berlin")
            .tz_convert("UTC")
            .strftime("%Y-%m-%dT%H:%MZ")
        ),
        "Europe/Berlin",
    ),
    "midnights in Unix seconds": (
        [int(day.timestamp()) for day in pd.date_range("2024-01-01", periods=200, tz="Europe/Berlin")],
        "Europe/Berlin",
    ),
}


@pytest.mark.parametrize("name", ZONES)
def test_where_a_clock_is_changed_the_zone_is_asked_for_and_mends_it(tmp_path: Path, name: str) -> None:
    times, zone = ZONES[name]
    path = str(tmp_path / "s.csv")
    with pytest.raises(DataError, match=f"a clock is changed: say data.time_zone, such as {zone}, which fits"):
        read_steps(path, data(tmp_path, times))
    for order in (1, -1):
        given = data(tmp_path, times[::order], range(len(times))[::order], time_zone=zone)
        assert read_steps(path, given)[0].values[:, 0].tolist() == list(range(len(times)))


def test_the_doubled_hour_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, ZONES["hours"][0])
    assert str(caught.value).startswith(
        "s.csv:148 (2024-03-31 03:00 after 2024-03-31 01:00) and s.csv:5188 "
        "(2024-10-27 02:00 after 2024-10-27 02:00)"
    )


def test_of_an_hour_that_comes_twice_the_step_may_tell_which_it_is(tmp_path: Path) -> None:
    for freq in ("6h", "4h", "1h", "20min"):
        times = pd.date_range("2017-02-16", periods=300, freq=freq, tz="America/Sao_Paulo")
        given = data(tmp_path, times.strftime("%Y-%m-%d %H:%M"), time_zone="America/Sao_Paulo")
        (found,) = read_steps(str(given.series), given)
        assert (
            found.moments.tolist()
            == times.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]").tolist()
        )


def test_gaps_beside_a_changed_clock(tmp_path: Path) -> None:
    times = [time for k, time in enumerate(ZONES["hours"][0]) if k not in (700, 2000, 2001)]
    with pytest.raises(DataError, match=r"data\.time_zone, such as Europe/Berlin, which fits"):
        prepared(tmp_path, times)
    with pytest.raises(DataError, match=r"1 x 1 hour missing .*, and 1 more such places; say data\.gaps"):
        prepared(tmp_path, times, time_zone="Europe/Berlin")
    assert prepared(tmp_path, times, time_zone="Europe/Berlin", gaps="carry").card.details["gaps"].startswith("3 ")


def test_a_time_that_a_zone_skips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"s.csv:4: the time 2024-03-10 02:00 is skipped in America/New_York"):
        prepared(tmp_path, days("h", start="2024-03-10", form="%Y-%m-%d %H:%M"), time_zone="America/New_York")


REFUSED: dict[str, tuple[Sequence[Any], str]] = {
    "ambiguous": (
        days("MS", form="%d/%m/%Y", start="2020-01-01"),
        "s.csv:2: the times 't' are ambiguous: '01/02/2020' is 1 February 2020 by '%d/%m/%Y' or 2 January 2020 by "
        "'%m/%d/%Y'; say which by data.time_format: '%d/%m/%Y' or '%m/%d/%Y'",
    ),
    "two formats": (
        [*days("D", 30, "%d.%m.%Y"), *days("D", 30, "%m.%d.%Y", "2020-01-29")],
        "s.csv:32: the time 't' must be a date or a number, not '01.29.2020' in the format of the others, %d.%m.%Y",
    ),
    "a missing day": (
        [day for day in days("D") if day not in ("2020-01-05", "2020-01-06", "2020-02-01")],
        "s.csv:8: 2 x 1 day missing (2020-01-07 after 2020-01-04), and 1 more such places; say data.gaps: "
        "interpolate, carry or drop",
    ),
    "a missing weekday": (
        [day for day in days("B") if day != "2020-01-07"],
        "s.csv:8: 1 x 1 weekday missing (2020-01-08 after 2020-01-06); say data.gaps",
    ),
    "twice": (
        [*days("D", 20), *days("D", 20, start="2020-01-18")],
        "s.csv:22: the time stands twice (2020-01-18 after 2020-01-18); say data.duplicates: mean or last, "
        "or data.series_id",
    ),
    "one without a zone": (
        ["2020-01-01 00:00Z", "2020-01-01 01:00", "2020-01-01 02:00Z"],
        "s.csv:3: one time has a zone and another one none (2020-01-01 01:00 after 2020-01-01 00:00Z)",
    ),
    "unequal": (
        ["2020-01-01 00:00", "2020-01-01 01:00", "2020-01-01 02:00", "2020-01-01 02:59"],
        "s.csv:5: the step is not 1 hour as elsewhere, but a series needs equal ones",
    ),
    "a century": (
        [*days("D"), "2120-01-01"],
        "s.csv:122: 36406 steps are missing, and only 121 are there: leave out the rows before or after the "
        "longest gap (2120-01-01 after 2020-04-27)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_certain_is_refused_with_a_way_out(tmp_path: Path, name: str) -> None:
    times, expected = REFUSED[name]
    how = {"gaps": "carry"} if name == "a century" else {}
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, times, **how)
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    ("start", "form"), [("1950-01-02", "%m/%d/%y"), ("1961-01-02", "%d.%m.%y"), ("1998-06-01", "%d-%b-%y")]
)
def test_years_of_two_digits_go_on_through_their_turn(tmp_path: Path, start: str, form: str) -> None:
    expected = pd.date_range(start, periods=6000, freq="B")
    for order in (1, -1):
        (found,) = read_steps(str(tmp_path / "s.csv"), data(tmp_path, expected.strftime(form)[::order]))
        assert found.interval.name == "1 weekday"
        assert found.moments.tolist() == expected.to_numpy().astype("datetime64[us]").tolist()


def test_an_order_may_tell_the_format(tmp_path: Path) -> None:
    """By year, month, day a series would jump from 2031 to 2001."""
    for order in (1, -1):
        times = days("D", form="%d/%m/%y", start="2017-05-23")[::order]
        assert prepared(tmp_path, times).card.details["time_format"] == "%d/%m/%y"


def test_the_format_can_be_said(tmp_path: Path) -> None:
    times = days("MS", form="%d/%m/%Y", start="2020-01-01")
    assert prepared(tmp_path, times, time_format="%d/%m/%Y").card.details["step"] == "1 month"
    with pytest.raises(
        DataError, match=r"s.csv:2: the time 't' must be .* in the format '%d\.%m\.%Y'.* \(119 more\)"
    ):
        prepared(tmp_path, times, time_format="%d.%m.%Y")
    with pytest.raises(DataError, match=r"s.csv:14: 88 x 1 missing \(202101 after 202012\)"):
        prepared(tmp_path, days("MS", form="%Y%m"), time_format="number")


HOLED = [k for k in range(120) if k not in (10, 11, 50)]
WINDOWS = {
    # windows whose target is missing; with interpolate also those that end in a gap; with drop all that touch one
    "carry": {10, 11, 50},
    "interpolate": {10, 11, 12, 50, 51},
    "drop": {10, 11, 12, 13, 14, 50, 51, 52, 53},
}


@pytest.mark.parametrize("how", WINDOWS)
def test_gaps_are_filled_as_inputs_or_left_out_and_counted(tmp_path: Path, how: str) -> None:
    times = days("D")
    found = prepared(tmp_path, [times[k] for k in HOLED], [k**2 for k in HOLED], gaps=how)
    values = np.square(np.arange(120.0))
    values[[10, 11, 50]] = {"carry": [81, 81, 49**2], "interpolate": [102, 123, 2501]}.get(how, np.nan)
    part = found.search.train
    kept = [k for k in range(3, 84) if k not in WINDOWS[how]]
    assert found.indices["train"].tolist() == kept
    assert part.x[..., 0].tolist() == [values[k - 3 : k].tolist() for k in kept]
    assert part.y[:, 0].tolist() == [k**2 for k in kept]
    assert found.search.statistics.mean == pytest.approx(np.mean([k**2 for k in HOLED if k < 84]))
    done = {"carry": "carried forward", "interpolate": "interpolated", "drop": "left out"}
    assert found.card.details["gaps"] == f"3 steps {done[how]}"
    assert found.card.notes == (
        f"{len(WINDOWS[how])} windows are left out, as a value to forecast or to start from is missing in them",
    )


def test_empty_cells_are_gaps_too(tmp_path: Path) -> None:
    values = ["" if k in (30, 31) else str(k) for k in range(120)]
    with pytest.raises(
        DataError, match=r"s.csv:32: the value 'v' at 2020-01-29 is missing, and 1 more .* data.gaps"
    ):
        prepared(tmp_path, days("D"), values)
    assert prepared(tmp_path, days("D"), values, gaps="drop").card.details["gaps"] == "2 steps left out"
    with pytest.raises(DataError, match=r"s.csv:2: the value 'v' at 2019-12-30 is no finite number: 'n'"):
        prepared(tmp_path, days("D"), ["n"] * 120, gaps="drop")


def test_doubled_times_are_joined_and_counted(tmp_path: Path) -> None:
    times = [*days("D", 30), *days("D", 90, start="2020-01-28")]
    values = [*range(30), 100, *range(30, 119)]
    for how, value in (("mean", (29 + 100) / 2), ("last", 100)):
        given = data(tmp_path, times, values, duplicates=how)
        (found,) = read_steps(str(given.series), given)
        assert found.values[:, 0].tolist() == [*range(29), value, *range(30, 119)]
        assert facts_of([found], given) == {"duplicates": f"1 rows joined by {how}"}


def test_holidays_are_counted_and_gaps_if_the_spec_says_so(tmp_path: Path) -> None:
    times = CALENDARS["trading days"][0]
    num = len(pd.bdate_range(times[0], times[-1])) - len(times)
    assert prepared(tmp_path, times).card.details["holidays"] == f"{num} weekdays without a row"
    found = prepared(tmp_path, times, gaps="carry").card.details
    assert (found["step"], found["gaps"]) == ("1 weekday", f"{num} steps carried forward")
    with pytest.raises(DataError, match=r"1 x 1 weekday missing .* say data.gaps"):
        prepared(tmp_path, times, gaps="error")


def test_what_was_found_is_told(tmp_path: Path) -> None:
    found = prepared(tmp_path, [f"{day} Europe/Berlin" for day in days("D", form="%d.%m.%Y %H:%M")])
    assert found.card.details["time_format"] == "%d.%m.%Y %H:%M"
    assert found.card.details["time_zone"] == "Europe/Berlin"


def test_a_test_file_of_another_step_is_refused(tmp_path: Path) -> None:
    given = data(tmp_path, days("D"))
    (tmp_path / "later.csv").write_text(
        "t,v\n" + "".join(f"{t},{k}\n" for k, t in enumerate(days("h", form="%Y-%m-%d %H:%M")))
    )
    with pytest.raises(DataError, match=r"later.csv: must have the step of s.csv, 1 day, received 1 hour"):
        series(given.model_copy(update={"test": str(tmp_path / "later.csv")}))


def test_a_file_as_spreadsheets_write_it(tmp_path: Path) -> None:
    lines = [f"{day};{k},5;x" for k, day in enumerate(days("D", form="%d.%m.%Y"))]
    path = tmp_path / "s.csv"
    path.write_bytes("\ufeffTag;Wert;Anm\r\n".encode() + "\r\n".join([*lines[:9], "", *lines[9:], ";;"]).encode())
    given = Data(series=str(path), time="Tag", value="Wert", window=3, season=1)
    found = prepare(given)
    assert found.search.train.y[:2, 0].tolist() == [3.5, 4.5]
    assert {"separator": ";", "decimal": ",", "time_format": "%d.%m.%Y"}.items() <= found.card.details.items()
    path.write_text("\n".join(["Tag;Wert;Anm", *lines[:9], "", *lines[9:20], *lines[21:]]))
    with pytest.raises(DataError, match=r"s.csv:23: 1 x 1 day missing \(20.01.2020 after 18.01.2020\)"):
        prepare(given)
    path.write_text("\n".join(["Tag;Wert;Anm", *lines[:20], "19.01.2020;-999;y", *lines[21:]]))
    told = prepare(given.model_copy(update={"missing": {"Wert": ["-999"]}, "gaps": "drop"})).card.details
    assert told["gaps"] == "1 steps left out"


def long_form(folder: Path, **how: Any) -> Data:
    """Two series of days in one file, of which b starts 30 days later, row by row in the order of time."""
    rows = [(day, name, k) for k, day in enumerate(days("D")) for name in "ab" if name == "a" or k >= 30]
    lines = [f"{day},{name},{1000 * (name == 'b') + k},{k % 7 == 0},{k / 2}" for day, name, k in rows]
    (folder / "s.csv").write_text("t,shop,v,holiday,price\n" + "\n".join(lines) + "\n")
    return Data(**{"series": str(folder / "s.csv"), "time": "t", "value": "v", "window": 3, "season": 1, **how})


def test_several_series_are_split_at_the_same_times(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the time stands twice"):
        prepare(long_form(tmp_path))
    given = long_form(tmp_path, series_id="shop", horizon=2)
    found = prepare(given)
    for name, part, (first, end) in zip(
        ("train", "val", "test"),
        (found.search.train, found.search.val, found.test),
        ((0, 84), (84, 102), (102, 120)),
        strict=True,
    ):
        starts = {0: first, 1000: max(first, 30)}
        expected = sorted((k + 3, b) for b, start in starts.items() for k in range(start, end - 4))
        assert [(row[0] % 1000, row[0] // 1000 * 1000) for row in part.y] == expected, name
        assert part.x[..., 0].tolist() == [[b + k - 3, b + k - 2, b + k - 1] for k, b in expected]
        assert part.y.tolist() == [[b + k, b + k + 1] for k, b in expected]
    assert found.card.details["series"] == 2
    assert found.search.statistics.mean == pytest.approx(np.mean([*range(84), *range(1030, 1084)]))
    places = found.indices["train"]
    assert len(set(np.concatenate(list(found.indices.values())))) == sum(map(len, found.indices.values()))
    assert set(places[places >= 120]) == set(range(123, 173))


def test_folds_of_several_series_share_no_value(tmp_path: Path) -> None:
    search = prepare(long_form(tmp_path, series_id="shop", horizon=2, split=Split(folds=3))).search
    x, y = (np.concatenate(pair) for pair in ((search.train.x, search.val.x), (search.train.y, search.val.y)))
    for before, after in search.folds:
        last, first = np.max(y[before] % 1000), np.min(x[after, 0, 0] % 1000)
        assert last < first
        assert first - last <= 2


def test_further_inputs_are_seen_up_to_the_steps_ahead(tmp_path: Path) -> None:
    given = long_form(tmp_path, series_id="shop", inputs=["holiday", "price"], horizon=2)
    found = prepare(given)
    assert found.card.features == ("v", "holiday", "price")
    assert found.card.shape == (3, 3)
    for window, target in zip(found.search.train.x, found.search.train.y, strict=True):
        k = int(target[0] % 1000)
        assert window[:, 1].tolist() == [float(step % 7 == 0) for step in range(k - 1, k + 2)]
        assert window[:, 2].tolist() == [step / 2 for step in range(k - 1, k + 2)]
    loop = PlainLoop(sequence_setup(found, torch.float32), Trainee(0, RecurrentHyperparameters(width=8, lr=0.02)))
    records = [record for (record,) in train(loop, 8)]
    assert records[-1]["train_loss"] < records[0]["train_loss"]
    folded = prepare(given.model_copy(update={"split": Split(folds=3)})).search
    assert fold_data(folded, 0).statistics.mean.shape == (3,)


def test_a_word_or_a_hole_in_an_input_is_named(tmp_path: Path) -> None:
    given = long_form(tmp_path, series_id="shop", inputs=["price"])
    path = Path(str(given.series))
    text = path.read_text()
    path.write_text(text.replace(",0.5\n", ",cheap\n"))
    rule = r"s.csv:3: the value 'price' at 2019-12-31 is no finite number: 'cheap'; "
    with pytest.raises(
        DataError, match=rule + r'say data.missing: \{price: \["cheap"\]\} if that means that there'
    ):
        prepare(given)
    words = re.sub(r",(\d+)\.(\d)\n", lambda found: f",{('low', 'high')[int(found[1]) % 2]}\n", text)
    path.write_text(words)
    with pytest.raises(
        DataError, match="name a column of numbers, or write one of 0 and 1 for each of its 2 words"
    ):
        prepare(given)
    path.write_text(text.replace(",0.5\n", ",\n"))
    with pytest.raises(DataError, match=r"s.csv:3: the value 'price' at 2019-12-31 is missing; say data.gaps"):
        prepare(given)
    found = prepare(given.model_copy(update={"gaps": "interpolate"})).search.train
    assert found.x[0, :, 1].tolist() == [0.5, 1.0, 1.5]


def test_a_series_that_varies_much_less_than_the_others_is_told(tmp_path: Path) -> None:
    given = long_form(tmp_path, series_id="shop")
    (note,) = (note for note in prepare(given).card.notes if "standardised" in note)
    assert note.startswith("all 2 series are standardised together: their standard deviation is 4")
    assert "and that of 'b' alone 15.59" in note and "relative: true helps" in note
    path = Path(str(given.series))
    path.write_text(re.sub(",1?0?(\\d+),(?=[TF])", r",\1,", path.read_text()))
    assert not any("standardised" in note for note in prepare(given).card.notes)


def test_series_of_different_steps_are_refused(tmp_path: Path) -> None:
    rows = [f"{day},a,{k}" for k, day in enumerate(days("D"))] + [
        f"{day},b,{k}" for k, day in enumerate(days("MS"))
    ]
    (tmp_path / "s.csv").write_text("t,shop,v\n" + "\n".join(rows))
    with pytest.raises(
        DataError, match="all series must have one step, but that of 'b' is 1 month, that of 'a' 1 day"
    ):
        prepare(Data(series=str(tmp_path / "s.csv"), time="t", value="v", series_id="shop"))


def test_rows_without_values_are_no_steps_where_gaps_may_be(tmp_path: Path) -> None:
    times = [*days("MS", 100), "2028-04-17"]
    values = [str(k) if k != 50 else "" for k in range(100)]
    times.insert(30, "2022-06-13")
    values.insert(30, "")
    with pytest.raises(DataError, match="but a series needs equal ones"):
        prepared(tmp_path, times, [*values, ""])
    found = prepared(tmp_path, times, [*values, ""], gaps="drop").card.details
    assert (found["step"], found["gaps"]) == ("1 month", "1 steps left out")
    with pytest.raises(DataError, match=r"s.csv:2: a series needs at least two values"):
        prepared(tmp_path, days("D"), [""] * 120, gaps="drop")


def test_trading_days_of_a_stock_newest_first() -> None:
    """A file of matplotlib, of June to September 2003: without 4 July and 1 September, Labor Day."""
    path = Path(matplotlib.get_data_path()) / "sample_data" / "msft.csv"
    found = prepare(Data(series=str(path), time="Date", value="Close", window=5))
    assert found.card.details["step"] == "1 trading day"
    assert found.card.details["holidays"] == "2 weekdays without a row"
    assert found.search.train.x[0, :, 0].tolist() == [26.07, 26.33, 25.78, 25.7, 25.26]
