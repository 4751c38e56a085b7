"""Bytes as text: the encoding where it is certain, or the first byte that is no text in it."""

from __future__ import annotations

import codecs
import re

from search_spaces.spec.files.alphabets import LANGUAGES, latin_encoding

TEXT_ENCODING = "utf-8"
"""Of a text of which the spec says none."""
ENCODINGS = (
    "utf-8",
    "utf-16",
    "utf-32",
    "ascii",
    "latin-1",
    "cp1250",
    "cp1251",
    "cp1252",
    "shift_jis",
    "gb18030",
    "big5",
)
"""Common ones; Python knows many more."""
UNSURE = "cp1252, cp1250, cp1251, shift_jis, ..."
"""Encodings to choose from where none is likely."""
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks; those of UTF-32 come first, as that of UTF-16 is the beginning of one."""
_WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŸªº")
_SIGNS = frozenset("€£§©®°±²³µ·¼½¾«»‘’‚“”„–—…•™´¨¡¿× ")
"""Letters, and other characters, that texts in western languages have in cp1252."""
_WITHIN_A_WORD = re.compile(r"[^\W\d_][£§©®°±²³¹¨¿»«¼½¾][^\W\d_]")
"""Such signs between letters are letters of another encoding."""
MOSTLY = 2
"""Characters of UTF-8 for each byte that is none of it, where two encodings are mixed."""
MAX_LATIN_SHARE, LIKELY_SHARE = 0.3, 0.5
"""Of letters beyond ASCII: in texts of other scripts that are read as Latin ones most letters are."""


class EncodingFault(Exception):
    """Bytes that are no text in an encoding: the first of them, counted from 0, and an encoding that would do.

    ``line`` is the line that it is in, from 1, where lines end as in most encodings.
    """

    def __init__(self, encoding: str, position: int, raw: bytes, likely: str) -> None:
        super().__init__(f"byte {position} (0x{raw[position]:02x}) is no {encoding}")
        self.likely, self.line = likely, 1 + raw.count(b"\n", 0, position)


def decoded(raw: bytes, encoding: str) -> str:
    """``raw`` as text without a byte order mark. Raises EncodingFault; LookupError for an unknown encoding."""
    try:
        text = raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        position = getattr(error, "start", 0)
        raise EncodingFault(encoding, position, raw, _likely(raw)) from error
    if "\0" in text:  # two bytes a character, or no text at all
        raise EncodingFault(encoding, raw.index(0), raw, _likely(raw))
    return text


def certain_encoding(raw: bytes, whole: bool) -> str | None:
    """The encoding that the bytes are certainly in, or None; unless ``whole`` they may end within a character.

    A byte order mark decides, else UTF-8 where it fits, UTF-16 where every second byte is zero, and an encoding of
    Latin letters where few of them are beyond ASCII and languages use them as often.
    """
    marked = next((encoding for mark, encoding in _MARKS.items() if raw.startswith(mark)), None)
    if marked is not None:
        return marked
    if 0 in raw:
        return _without_mark(raw)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(raw, final=whole)
        return "utf-8"
    except UnicodeDecodeError:
        pass
    return None if is_mixed(raw) else _latin(raw, MAX_LATIN_SHARE)


def is_mixed(raw: bytes) -> bool:
    """Whether most characters beyond ASCII are UTF-8 and some bytes are not: parts are of different encodings.

    In texts of one other encoding hardly any letters stand beside each other as UTF-8 has its bytes.
    """
    beyond = [character for character in raw.decode("utf-8", "surrogateescape") if character > "\x7f"]
    wrong = sum("\udc80" <= character <= "\udcff" for character in beyond)
    return wrong > 0 and len(beyond) - wrong >= MOSTLY * wrong


def _without_mark(raw: bytes) -> str | None:
    """UTF-16 without a byte order mark: nearly all high bytes are zero, and no low ones."""
    for name, high, low in (("utf-16-le", raw[1::2], raw[0::2]), ("utf-16-be", raw[0::2], raw[1::2])):
        if 0 not in low and high.count(0) > 0.9 * len(high):
            return name
    return None


def _latin(raw: bytes, max_share: float) -> str | None:
    """Return the encoding that the bytes' Latin letters are clearly in, if few of them are beyond ASCII."""
    letters = [character for character in raw.decode("cp1252", "replace") if character.isalpha()]
    if sum(character > "\x7f" for character in letters) > max_share * len(letters):
        return None
    return latin_encoding(raw, [each for each in LANGUAGES if each != "cp1252" or _is_western(raw)])


def _is_western(raw: bytes) -> bool:
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        return False
    beyond = {character for character in text if character > "\x7f"}
    return beyond <= _WESTERN | _SIGNS and not _WITHIN_A_WORD.search(text)


def _likely(raw: bytes) -> str:
    if found := certain_encoding(raw, whole=True):
        return UNSURE if found == "utf-8" and 0 in raw else found
    return (None if 0 in raw or is_mixed(raw) else _latin(raw, LIKELY_SHARE)) or UNSURE
