"""Dates as people write them: a column has one format, which all of its cells tell or the spec gives.

A format is a pattern of ``strftime``, with ``%q`` for a quarter, or ISO8601, which covers dates with and without a
time of day.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from search_spaces.spec.column_kinds import ISO as ISO
from workloads.tables.date_texts import UNTIL, local_times

DATES: Final = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y/%m", "%Y%m%d", "%Y%m"),
    *("%Y年%m月%d日", "%Y年%m月", "%Y. %m. %d.", "%Y년 %m월 %d일"),
    *("%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d"),
    *(
        "%d-%m-%Y",
        "%m-%d-%Y",
        "%d-%m-%y",
        "%m-%d-%y",
        "%y-%m-%d",
        "%d %m %Y",
        "%m %d %Y",
        "%m.%Y",
        "%m/%Y",
        "%m-%Y",
    ),
    *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %y", "%b %d, %Y", "%b %d %Y", "%a, %d %b %Y", "%a %b %d %Y"),
    *("%d %B %Y", "%d. %B %Y", "%d-%B-%Y", "%B %d, %Y", "%B %d %Y", "%A, %d %B %Y", "%A, %B %d, %Y"),
    *("%b %Y", "%b-%Y", "%b-%y", "%Y %b", "%Y-%b", "%B %Y", "%Y %B"),
    *("%Y-Q%q", "%YQ%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y", "Q%q/%Y", "Q%q%Y"),
    *("%G-W%V", "%GW%V", "%G W%V", "%G-W%V-%u", "%GW%V%u"),
)
"""Patterns that are tried; of a date with dots the day is first, as it is wherever dates are written with dots."""
CLOCKS: Final = {
    r"\d{1,2}:\d{2}": "%H:%M",
    r"\d{1,2}:\d{2}:\d{2}": "%H:%M:%S",
    r"\d{1,2}:\d{2}:\d{2}\.\d+": "%H:%M:%S.%f",
    r"\d{1,2}:\d{2} ?[AaPp][Mm]": "%I:%M %p",
    r"\d{1,2}:\d{2}:\d{2} ?[AaPp][Mm]": "%I:%M:%S %p",
    r"\d{4}": "%H%M",
    r"\d{6}": "%H%M%S",
}
"""Patterns of a time of day after a date."""
_LIKELY = r"(?s:(?=.{6,40}$)(.*(?<!\d)((1[6-9]|2[01])\d\d|9999)(?!\d).*|\d{1,2}/\d{1,2}/\d{2}(\D.*)?))"
_SHORT_YEAR, _PADDED = r"(?s:\d{1,2}(\.\d{1,2}\.|-\d{1,2}-)\d{2}(\D.{0,30})?)", r"(^|\D)0\d\D"
"""Patterns of 05.03.45, and of a zero in it, which versions such as 5.3.45 never have."""
_SHORT_YEAR_OF_A_NAME = r"(?s:\d{1,2}([-. ]|\. )[^\W\d_]{3,9}\.?[-. ]\d{2}(\D.{0,30})?)"
"""Pattern of 13-Jan-24, as databases write it."""
YEARS_AHEAD = 20
"""Years from now on that a year of two digits may lie ahead."""
SPAN_YEARS = 50
"""Most years from the oldest to the newest of dates some of which lie ahead; else these are 100 years older."""
_SAMPLE = 100
"""Number of texts that rule out most of the patterns at once."""


class DateFormatError(ValueError):
    """Raised for texts that are no dates of one format."""

    def __init__(self, message: str, text: str, forms: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.text, self.forms = text, forms
        """The first text at fault, and the formats that it may have: several where they give different dates."""


@dataclass(frozen=True)
class _Fit:
    """A format, and the moments that texts are by it: NaT for a text that it does not cover."""

    form: str
    moments: Any


def looks_like_dates(texts: Any) -> bool:
    """Return whether all ``texts``, a Series without missing values, have a year or two slashes, as dates do."""
    return _all(texts, _LIKELY)


def may_be_dates(texts: Any) -> bool:
    """Return whether all ``texts`` are as dates with a year of two digits, and no versions."""
    if _all(texts, _SHORT_YEAR_OF_A_NAME):
        return True
    return _all(texts, _SHORT_YEAR) and bool(texts.str.contains(_PADDED.replace("(^", "(?:^")).any())


def _all(texts: Any, pattern: str) -> bool:
    return bool(texts[:_SAMPLE].str.fullmatch(pattern).all()) and bool(texts.str.fullmatch(pattern).all())


def date_format(texts: Any) -> str:
    """Return the one format of all ``texts``, a Series without missing values.

    Raises DateFormatError where there is none, or where several give different dates.
    """
    texts = texts.drop_duplicates()
    tried = [_Fit(form, local_times(texts[:_SAMPLE], form)) for form in (ISO, *_candidates(texts.iloc[0]))]
    fits = [_Fit(fit.form, local_times(texts, fit.form)) for fit in tried if fit.moments.notna().all()]
    whole = [fit for fit in fits if fit.moments.notna().all()]
    if not whole:
        raise _none(texts, fits or tried)
    if others := [fit for fit in whole[1:] if not fit.moments.equals(whole[0].moments)]:
        unlike = others[0].moments.ne(whole[0].moments)
        raise _ambiguous(texts[unlike].iloc[0], [fit.form for fit in (whole[0], *others)])
    return whole[0].form


def with_century(texts: Any, form: str) -> str:
    """Return the format with the last of the 100 years that its years of two digits are of, as ``%y until 2030``.

    Raises DateFormatError where all dates may be ahead, or 100 years before.
    """
    import pandas as pd

    if "%y" not in form or UNTIL.fullmatch(form) or not len(texts):
        return form
    now = pd.Timestamp.now()
    past, ahead = (f"{form} until {now.year + more}" for more in (0, YEARS_AHEAD))
    moments = local_times(texts.drop_duplicates(), ahead).dropna()
    if not len(moments) or moments.dt.year.max() <= now.year:
        return past
    if moments.dt.year.min() > now.year:
        raise _ambiguous(str(texts.iloc[0]), [past, ahead])
    return ahead if moments.dt.year.max() - moments.dt.year.min() <= SPAN_YEARS else past


def some_zoned(texts: Any) -> bool:
    """Return whether some ISO times of day, a Series, have a zone, and others have none."""
    clocks = texts[texts.str.contains(":", regex=False)]
    zoned = clocks.str.contains(r":\d\d(?:[.,]\d+)?\s*(?:Z|[+-]\d\d)")
    return bool(zoned.any()) and not bool(zoned.all())


def written(moments: Any, form: str) -> Any:
    """Return a Series of moments as texts in the format; a missing one is NaT."""
    import pandas as pd

    there, form = moments.dropna(), UNTIL.sub(r"\1", form)
    texts = there.astype(str) if form in ("", ISO) else there.dt.strftime(form.replace("%q", "\0"))
    found = [text.replace("\0", str(quarter)) for text, quarter in zip(texts, there.dt.quarter, strict=True)]
    return moments.astype(object).mask(moments.notna(), pd.Series(found, there.index, dtype=object))


def _candidates(text: str) -> Sequence[str]:
    """Return the patterns that may be that of ``text``, by the form of its time of day."""
    clocks = ((re.fullmatch(rf".*?[\d日일.](T|,? ){clock}", text), form) for clock, form in CLOCKS.items())
    endings = ["", *(f"{found[1]}{form}" for found, form in clocks if found)]
    return [f"{date}{ending}" for ending in endings for date in DATES]


def _none(texts: Any, tried: Sequence[_Fit]) -> DateFormatError:
    best = max(tried, key=lambda fit: fit.moments.notna().sum())
    by_form = local_times(texts, best.form)
    if by_form.isna().all():
        text = str(texts.iloc[0])
        return DateFormatError(f"{text!r} is a date of no format that is known", text)
    text = str(texts[by_form.isna()].iloc[0])
    return DateFormatError(f"{text!r} is no date in the format of the others, {best.form}", text, (best.form,))


def _ambiguous(text: str, forms: Sequence[str]) -> DateFormatError:
    import pandas as pd

    days = [local_times(pd.Series([text]), form)[0] for form in forms]
    either = " or ".join(f"{day.day} {day:%B %Y} by {form!r}" for day, form in zip(days, forms, strict=True))
    return DateFormatError(f"{text!r} is {either}", text, forms)
