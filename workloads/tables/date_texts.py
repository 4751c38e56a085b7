"""Reads texts as dates by a format: of a table's columns, and of rows that a served model gets.

A copy of this file goes along with the champion of a user's function: it needs nothing but pandas and the months.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from workloads.tables.month_names import in_english

_ISO_TEXT = r"\d{4}-\d{1,2}(-\d{1,2}([T ]\d{1,2}(:\d{2}(:\d{2}([.,]\d+)?)?)?)?)?"
_MIDNIGHT = r"[T ]24:00(?=(?::00)?$)"
"""The end of a day, as power grids and timetables write it."""
UNTIL: Final = re.compile(r"(.*) until (\d{4})", re.DOTALL)
"""A format, and the last of the 100 years that a year of two digits may be."""
_COMPACT = {"%Y%m%d": 8, "%Y%m": 6}
"""Number of digits of dates without separators, whose parts would not be told apart otherwise."""


def local_times(texts: Any, form: str) -> Any:
    """Return a Series of datetime64 without a zone: what ``texts`` are in the format; NaT for others."""
    import pandas as pd

    if until := UNTIL.fullmatch(form):
        return _with_years_until(local_times(texts, until[1]), int(until[2]))
    if _at_midnight(texts).any():
        return _days_later(texts, lambda texts: local_times(texts, form))
    if _is_iso(form):
        texts = texts.where(texts.str.fullmatch(_ISO_TEXT), None)
    for compact, digits in _COMPACT.items():
        if form.startswith(compact) and not form.startswith(f"{compact}%"):
            texts = texts.where(texts.str.fullmatch(rf"\d{{{digits}}}(\D.*)?"), None)
    if "%q" in form:  # a quarter is its first month
        texts = texts.str.replace(r"[Qq]([1-4])", lambda found: f"Q{3 * int(found[1]) - 2:02d}", regex=True)
        form = form.replace("%q", "%m")
    if "%b" in form or "%B" in form:
        texts = in_english(texts, short="%b" in form)
    if "%V" in form and "%u" not in form:  # a week is its Monday
        texts, form = texts + " 1", f"{form} %u"
    return pd.to_datetime(texts, format=form, errors="coerce")


def _is_iso(form: str) -> bool:
    return "%" not in form


def _at_midnight(texts: Any) -> Any:
    return texts.str.contains(_MIDNIGHT, na=False)


def _days_later(texts: Any, read: Callable[[Any], Any]) -> Any:
    """Return moments of which 24:00 is the next day's 00:00."""
    import pandas as pd

    moments = read(texts.str.replace(_MIDNIGHT, " 00:00", regex=True))
    return moments.mask(_at_midnight(texts).astype(bool), moments + pd.Timedelta(days=1))


def utc_times(texts: Any, form: str) -> Any:
    """Return a Series of moments in UTC: what ``texts`` are in the format; NaT for others.

    In ISO8601 a text may say its zone; without one it counts as UTC.
    """
    import pandas as pd

    if _at_midnight(texts).any():
        return _days_later(texts, lambda texts: utc_times(texts, form))
    if _is_iso(form):
        return pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True)
    return local_times(texts, form).dt.tz_localize("UTC")


def _with_years_until(moments: Any, year: int) -> Any:
    import pandas as pd

    century = pd.DateOffset(years=100)
    moments = moments.mask(moments.dt.year > year, moments - century)
    return moments.mask(moments.dt.year <= year - 100, moments + century)
