"""Dates: every format reads back what it wrote, a column has one, and what may be read in two ways is refused."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.helpers.soak import SOAK
from workloads.tables.date_texts import local_times
from workloads.tables.dates import DATES, DateFormatError, date_format

DAYS = pd.Series(pd.date_range("1984-01-02", "2030-12-31", freq="W-MON"))
"""Mondays, so that a date and its week are the same."""
MONTHS = pd.Series(pd.date_range("1984-01-01", "2030-12-01", freq="3MS"))
ENDINGS = {
    "": "0h",
    " %H:%M": "9h30min",
    "T%H:%M:%S": "23h59min59s",
    " %H:%M:%S.%f": "1ms",
    " %I:%M %p": "15h",
    ", %H:%M": "1h",
}


def written(moments: pd.Series, form: str) -> pd.Series:
    """Texts of the moments in a format, whose ``%q`` is a quarter."""
    texts = moments.dt.strftime(form.replace("%q", "<q>"))
    return pd.Series([text.replace("<q>", str(q)) for text, q in zip(texts, moments.dt.quarter, strict=True)])


@pytest.mark.parametrize("form", DATES)
def test_every_format_reads_back_what_it_wrote(form: str) -> None:
    has_day = "%d" in form or "%V" in form
    endings = list(ENDINGS.items()) if "%d" in form else [("", "0h")]
    first = list(DATES).index(form) % len(endings)  # in the short form each format has two of the endings in turn
    for ending, clock in endings if SOAK else (endings * 2)[first : first + 2]:
        moments = (DAYS if has_day else MONTHS) + pd.Timedelta(clock)
        texts = written(moments, form + ending)
        found = date_format(texts)
        assert local_times(texts, found).eq(moments).all(), (found, texts[0])


ONE_FORMAT = {
    "day first, told by one row": (["03/04/2024", "13/04/2024"], ["2024-04-03", "2024-04-13"]),
    "month first, told by one row": (["03/04/2024", "03/14/2024"], ["2024-03-04", "2024-03-14"]),
    "dots": (["01.02.2024", "02.03.2024"], ["2024-02-01", "2024-03-02"]),
    "two digits of the year": (["12/31/84", "1/2/85"], ["1984-12-31", "1985-01-02"]),
    "same by both": (["01/01/2024", "02/02/2024"], ["2024-01-01", "2024-02-02"]),
    "ISO of several lengths": (
        ["2024-1-2", "2024-01-03 04:05", "2024-01-03T04:05:06.5"],
        ["2024-01-02", "2024-01-03 04:05", "2024-01-03 04:05:06.5"],
    ),
    "ISO, by twelve hours": (
        ["2024-01-02 12:04 AM", "2024-01-02 3:04 PM"],
        ["2024-01-02 00:04", "2024-01-02 15:04"],
    ),
    "quarters": (["2024Q2", "2024Q4"], ["2024-04-01", "2024-10-01"]),
}


@pytest.mark.parametrize("case", ONE_FORMAT)
def test_all_rows_tell_the_format(case: str) -> None:
    texts, expected = ONE_FORMAT[case]
    found = local_times(pd.Series(texts), date_format(pd.Series(texts)))
    assert found.tolist() == [pd.Timestamp(day) for day in expected]


REFUSED = {
    "ambiguous": (
        ["03/04/2024", "05/06/2024"],
        "'03/04/2024' is 3 April 2024 by '%d/%m/%Y' or 4 March 2024 by '%m/%d/%Y'",
    ),
    "ambiguous after equal ones": (["01/01/2024", "01/02/2024"], "'01/02/2024' is 1 February 2024 by"),
    "two formats": (
        ["13/04/2024", "04/13/2024"],
        "'04/13/2024' is no date in the format of the others, %d/%m/%Y",
    ),
    "no such day": (["2024-02-29", "2024-02-30"], "'2024-02-30' is no date in the format of the others, ISO8601"),
    "no date": (["soon"], "'soon' is a date of no format that is known"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_certain_is_refused(case: str) -> None:
    texts, expected = REFUSED[case]
    with pytest.raises(DateFormatError) as caught:
        date_format(pd.Series(texts))
    assert str(caught.value).startswith(expected)


def test_numbers_of_digits_are_kept_apart() -> None:
    assert local_times(pd.Series(["1984123", "19841231"]), "%Y%m%d").isna().tolist() == [True, False]
