"""Seals of JSON files: each flipped bit is seen, in the seal as well; files of earlier versions are believed."""

from __future__ import annotations

import json

import pytest

from search_spaces.types.files.sealed import Rotten, document, line_number, record_of, sealed, sealed_line

RECORD = {"id": "8314", "crc": 5, "names": ["a", "b"], "deep": {"x": None}}


@pytest.mark.parametrize("indent", [None, 1, 2])
def test_every_bit_of_a_document_counts(indent: int | None) -> None:
    whole = sealed(json.dumps({"id": "8314", "names": ["a", "b"]}, indent=indent)).encode()
    assert document(whole) == {"id": "8314", "names": ["a", "b"]}
    for place in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        try:
            found = document(bytes(flipped))
        except Rotten:
            continue
        assert found == document(whole), f"bit {place % 8} of byte {place // 8}: {bytes(flipped[-30:])!r}"


@pytest.mark.parametrize("indent", [None, 1, 2])
def test_a_document_of_an_earlier_version_is_believed(indent: int | None) -> None:
    assert document(json.dumps(RECORD, indent=indent).encode()) == RECORD
    assert document(json.dumps({"crc": "12345678"}, indent=indent).encode())["crc"] == "12345678"


@pytest.mark.parametrize("expected", [None, 0])
def test_every_bit_of_a_line_counts(expected: int | None) -> None:
    whole = sealed_line({"op": 4, "value": 0.5}, 0).removesuffix(b"\n")
    assert line_number(whole, expected) == 0
    for place in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        assert line_number(bytes(flipped), expected) is None or record_of(bytes(flipped)) == record_of(whole), place
