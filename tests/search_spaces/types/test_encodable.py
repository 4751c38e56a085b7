"""Texts that a store or a terminal would stumble over."""

from __future__ import annotations

import json

import pytest

from search_spaces.types.encodable import all_encodable, encodable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("Straße, 東京, 🙂", "Straße, 東京, 🙂"),
        ("caf\udce9.csv", "caf\\udce9.csv"),
        ("a\0b", "a\\x00b"),
        ("\x1b[2J\x1b]0;owned\x07 cleared\x9b1m", "\\x1b[2J\\x1b]0;owned\\x07 cleared\\x9b1m"),
        ("windows\r\nlines\rback", "windows\nlines\\x0dback"),
    ],
)
def test_what_cannot_be_shown_is_written_out(text: str, shown: str) -> None:
    assert encodable(text) == shown == encodable(shown)
    shown.encode()


def test_texts_are_found_wherever_they_are_keys_too() -> None:
    record = json.loads('{"caf\\udce9": [{"a": "\\u0000"}, 1.5, null, true], "b": "x"}')
    assert all_encodable(record) == {"caf\\udce9": [{"a": "\\x00"}, 1.5, None, True], "b": "x"}
