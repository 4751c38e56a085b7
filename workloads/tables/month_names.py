"""Months in the languages of Western Europe and the Americas, which a date's format names in English."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

MONTHS: Final = (
    "January February March April May June July August September October November December",
    "Januar Februar Maerz April Mai Juni Juli August September Oktober November Dezember",
    "Jaenner Februar Maerz April Mai Juni Juli August September Oktober November Dezember",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "januari februari mars april maj juni juli augusti september oktober november december",
)
"""English, German, Austrian, French, Spanish, Portuguese, Italian, Dutch and Swedish names, without accents."""
SHORTEST = 3
"""Smallest number of letters of an abbreviation."""
_WORD = re.compile(r"([^\W\d_]{3,})\.?")
_BETWEEN = re.compile(r"\s+de\s+")
_FIRST = re.compile(r"\b1(?:er|º|°)(?=\s)")


def _known() -> Mapping[str, str]:
    """Return the English name for each beginning of a name that stands for one month only."""
    english = MONTHS[0].split()
    found: dict[str, set[str]] = {"mrz": {"March"}, "mrt": {"March"}, "sept": {"September"}}
    for language in MONTHS:
        for name, month in zip(language.lower().split(), english, strict=True):
            for spelled in {name, name.replace("ae", "a")}:
                for end in range(SHORTEST, len(spelled) + 1):
                    found.setdefault(spelled[:end], set()).add(month)
    return {word: next(iter(months)) for word, months in found.items() if len(months) == 1}


KNOWN: Final = _known()
ENGLISH: Final = {spelled.lower() for name in MONTHS[0].split() for spelled in (name, name[:SHORTEST])}


def in_english(texts: Any, short: bool) -> Any:
    """Return a Series of texts with the names of months in English, as ``short`` as Mar or whole."""

    def named(found: re.Match[str]) -> str:
        if found[1].lower() in ENGLISH:
            return found[1]
        letters = unicodedata.normalize("NFKD", found[1]).lower()
        month = KNOWN.get("".join(letter for letter in letters if not unicodedata.combining(letter)))
        return found[0] if month is None else month[:SHORTEST] if short else month

    def one(text: Any) -> Any:
        return _WORD.sub(named, _FIRST.sub("1", _BETWEEN.sub(" ", text))) if isinstance(text, str) else text

    return texts.map(one)
