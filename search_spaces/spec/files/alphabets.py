"""Tells the encodings of Latin letters apart by how often languages use each letter: 0xF8 is ø, ř or ų."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache

_CENTRAL = (
    "łęąóżśćńź",  # Polish
    "íáěéřčžšýůúóťňď",  # Czech
    "áíéýčžšťľúňôäďóŕĺ",  # Slovak
    "éáöóőíüúű",  # Hungarian
    "čšžćđ",  # Slovene, Croatian
    "ăşţîâ",  # Romanian
    "üäöß",  # German
)
LANGUAGES: Mapping[str, Sequence[str]] = {
    "cp1252": (
        "éàèêçôîûùâëïœüÿæ",  # French
        "üäöß",  # German
        "óíáéñúüªº",  # Spanish
        "ãçéáíóêõâúàôª",  # Portuguese
        "àèùìòé",  # Italian
        "àéèíóòçúïü",  # Catalan
        "ëéïèöüóá",  # Dutch
        "øåæéò",  # Danish, Norwegian
        "äåöé",  # Swedish, Finnish
        "íáðóþéöæúý",  # Icelandic
    ),
    "cp1250": _CENTRAL,
    "iso8859-2": _CENTRAL,
    "cp1257": ("ėšųžūįąčę", "āīēšūņļžčķģ", "äõüöšž"),  # Lithuanian, Latvian, Estonian
    "cp1254": ("ıüşçöğâîû",),  # Turkish
}
"""Letters beyond ASCII of the languages that are written in an encoding, the most frequent ones first."""
CLEAR = 1.5
"""An encoding is certain where the letters are e to this power times as likely as in any other."""
RARE, SIGN, NEVER = 0.002, 0.1, 1e-5
"""Probability of a letter of another language of the same encoding, of a sign, and of what no language has."""
_SIGNS = frozenset("€£§©®°±²³µ·¼½¾«»‘’‚“”„–—…•™´¨¡¿×")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*(?:[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]|[\xc0-\xff])[A-Za-z\x80-\xff]*")
_CUBIC = re.compile(rb"[cdk]?m\xb3")
_ODD = re.compile(r"[ćńśź][aeiouyąęó]|(?<![bdfmnptvBDFMNPTV])ě|\b[ůąę]|[rl]ř|ř[rl]")
"""Spellings that languages of cp1250 do not have, such as a Polish soft consonant before a vowel."""


def latin_encoding(raw: bytes, candidates: Sequence[str]) -> str | None:
    """Return the one of ``candidates`` that the words of ``raw`` are clearly in; None without one.

    Several that give the same text count as the first of them.
    """
    words = sorted({word for word in _WORD.findall(raw) if not _CUBIC.fullmatch(word)})
    found: dict[tuple[str, ...], tuple[float, str]] = {}
    for encoding in candidates:
        texts = tuple(word.decode(encoding, "replace").replace("İ", "i").lower() for word in words)
        found.setdefault(texts, (_likelihood(texts, encoding), encoding))
    (best, encoding), *others = sorted(found.values(), key=lambda pair: -pair[0])
    return encoding if all(best - other >= CLEAR for other, _ in others) else None


def _likelihood(words: Sequence[str], encoding: str) -> float:
    """Return the logarithm of the words' likelihood in the encoding's language that suits them best."""
    everywhere = frozenset("".join(LANGUAGES[encoding]))
    central = LANGUAGES[encoding] is _CENTRAL
    odd = [bool(central and _ODD.search(word)) for word in words]

    def of(letter: str, language: Mapping[str, float], is_odd: bool) -> float:
        if is_odd or not (letter in everywhere or letter in _SIGNS):
            return NEVER
        return language.get(letter, RARE if letter in everywhere else SIGN)

    return max(
        sum(
            math.log(of(letter, _frequencies(language), is_odd))
            for word, is_odd in zip(words, odd, strict=True)
            for letter in word
            if letter > "\x7f"
        )
        for language in LANGUAGES[encoding]
    )


@cache
def _frequencies(letters: str) -> Mapping[str, float]:
    """Return the share of each letter: the k-th is taken to be a k-th as frequent as the first."""
    total = sum(1 / k for k in range(1, len(letters) + 1))
    return {letter: 1 / k / total for k, letter in enumerate(letters, 1)}
