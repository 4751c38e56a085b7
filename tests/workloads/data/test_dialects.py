"""Every form of CSV through every reader gives the values that were written."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.sweep.data_process import Loaded
from search_spaces.spec.data import Data
from search_spaces.spec.files.encodings import certain_encoding
from tests.helpers.dialects import FORMS, Form, table
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.sources.tables import read_frame
from workloads.data.streaming.files import table_files


def beyond_latin_2(frame: pd.DataFrame, form: Form) -> pd.DataFrame:
    """Without the letters that the form's encoding does not have."""
    if form.encoding != "iso8859-2":
        return frame
    return frame.replace(r"[ãŒ]", "x", regex=True)


def check_equal(found: pd.DataFrame, meant: pd.DataFrame) -> None:
    for name in meant.columns:
        if pd.api.types.is_numeric_dtype(meant[name]):
            np.testing.assert_array_equal(found[name].to_numpy(np.float64), meant[name].to_numpy(np.float64))
        else:
            assert found[name].tolist() == meant[name].tolist()


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_found_and_read(tmp_path: Path, name: str) -> None:
    form, path = FORMS[name], tmp_path / "t.csv"
    frame = beyond_latin_2(table(), form)
    path.write_bytes(form.write(frame))
    data = Data(csv=str(path), target="kind" if form.header else "c4", **form.said)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, _ = read_frame(str(path), data)
    names = frame.columns if form.header else [f"c{k}" for k in range(5)]
    assert list(found.columns) == list(names)
    check_equal(found.set_axis(frame.columns, axis=1), frame)


@pytest.mark.parametrize("name", [name for name in FORMS if FORMS[name].pack is bytes])
def test_a_form_is_streamed(tmp_path: Path, name: str) -> None:
    form, path = FORMS[name], tmp_path / "t.csv"
    frame = beyond_latin_2(table(), form)
    path.write_bytes(form.write(frame))
    data = Data(csv=str(path), target="kind" if form.header else "c4", streaming=True, **form.said)
    files = table_files(data)
    found = pa.concat_tables(rows for piece in files.pieces for rows in files.tables(piece)).to_pandas()
    numbers = ["größe", "price", "num"]
    found = found.set_axis(frame.columns, axis=1)
    check_equal(found.assign(**{each: found[each].astype(float) for each in numbers}), frame)


def zipped(num_files: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for k in range(num_files):
            archive.writestr(f"{k}.csv", b"a,y\n1,u\n")
    return packed.getvalue()


UNCERTAIN = {
    "either separator": (b"1,5;2,5\n3,5;4,5\n", {"header": False}, "say separator: ',' or ';'"),
    "either decimal": (b"a;y\n1,234;u\n5,678;v\n", {}, "column 'a' holds '1,234', which may be 1234 .* or 1.234"),
    "an encoding": ("слово,y\nдом,u\n".encode("cp1251"), {}, "line 1 is no UTF-8, .*: say encoding: cp1252, "),
    "another encoding": ("ä,y\n1,u\n".encode("cp1252"), {"encoding": "utf-8"}, r"byte 0 \(0xe4\) is no utf-8"),
    "no encoding": (b"a,y\n1,u\n", {"encoding": "utf-9"}, "encoding 'utf-9' is unknown, did you mean 'utf-8'"),
    "late bytes": (b"a,y\n" + b"1,u\n" * 400_000 + b"\xe4,u\n", {}, "not in UTF-8 beyond its first lines"),
    "blanks": (b"a  b y\n1  2 3\n", {}, "looks separated by blanks: say separator: ' '"),
    "doubled names": (b"a,b,a,b,y\n1,2,3,4,u\n", {}, "two columns are named 'a', 'b': rename one, or say header"),
    "two files": (zipped(2), {}, "the archive must hold one file, it holds 2"),
    "a torn archive": (FORMS["gzip"].write(table())[:-9], {}, "cannot be decompressed"),
}


@pytest.mark.parametrize("case", UNCERTAIN)
def test_what_is_uncertain_is_refused_with_what_to_write(tmp_path: Path, case: str) -> None:
    content, said, message = UNCERTAIN[case]
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_frame(str(tmp_path / "t.csv"), Data(csv=str(tmp_path / "t.csv"), target="y", **said))


LETTERS: dict[str, list[str]] = {
    "cp1252": [
        "größe Köln São Paulo Œuvre",
        "père et la région",
        "Jørgen Sørensen",
        "un año",
        "qualità",
        "m³",
        "naïveté du père",
    ],
    "cp1250": [
        "zażółcić i gęśl jest",
        "příliš mnoho koňů a koček",
        "Győr és Pécs városai, Őrség falvai",
        "Iaşi Timişoara",
    ],
    "iso8859-2": ["źródło w górach i łąka zielona"],
    "cp1257": ["Šiauliai Panevėžys", "Liepāja un Rīga"],
    "cp1254": ["Diyarbakır İstanbul Muğla"],
}
"""Words by the encoding that they are in, told from the letters alone."""


@pytest.mark.parametrize("encoding", LETTERS)
def test_letters_tell_an_encoding_or_it_is_asked_for(encoding: str) -> None:
    for words in LETTERS[encoding]:
        raw = words.encode(encoding)
        found = certain_encoding(raw, whole=True)
        assert found is not None and raw.decode(found) == words
    for either in ("są Łódź", "się", "São", "Dvořák", "Győr", "дом и сад"):
        for own in ("cp1250", "cp1252", "cp1251"):
            with contextlib.suppress(UnicodeEncodeError):
                assert certain_encoding(f"one two three {either}".encode(own), whole=True) in (own, None)


def test_other_columns_show_which_numbers_are_meant(tmp_path: Path) -> None:
    for text, meant in (
        ("a;b;c;y\n1,234;0,5;1.000;u\n5,678;1,5;2.500;v\n", ([1.234, 5.678], [0.5, 1.5], [1000, 2500])),
        ('a,b,c,y\n"1,234",0.5,1.000,u\n"5,678",1.5,2.500,v\n', ([1234, 5678], [0.5, 1.5], [1.0, 2.5])),
        ("a;b;c;y\n1,234;7;8;u\n5,678;9;8;v\n", ([1.234, 5.678], [7, 9], [8, 8])),
    ):
        (tmp_path / "t.csv").write_text(text)
        said = {"decimal": ","} if ";7;" in text else {}
        found, _ = read_frame(str(tmp_path / "t.csv"), Data(csv=str(tmp_path / "t.csv"), target="y", **said))
        assert [found[name].tolist() for name in "abc"] == list(map(list, meant))


def test_the_card_tells_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(FORMS["German Excel"].write(table()))
    (tmp_path / "own.csv").write_bytes(FORMS["tabs"].write(table()))
    card = prepare(Data(csv=str(tmp_path / "t.csv"), test=str(tmp_path / "own.csv"), target="kind")).card
    assert card.details == {"encoding": "cp1252", "separator": ";", "decimal": ",", "thousands": "."}
    told = [note for note in card.notes if "is read with" in note]
    assert told == [r'own.csv is read with separator: "\t"'], "what the details hold is not said twice"
    news = [line for line in Loaded(None, None, card.to_dict(), {}).news() if "t.csv is read with" in line]
    assert news == ['data: t.csv is read with encoding: "cp1252", separator: ";", decimal: ",", thousands: "."']


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), max_size=6)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32).map(float)
WRITTEN = [form for name, form in FORMS.items() if form.encoding == "utf-8" and "title" not in name]


@settings(max_examples=60, deadline=None)
@given(
    form=st.sampled_from(WRITTEN),
    words=st.lists(CELLS.map("w".__add__), min_size=2, max_size=12),
    number=NUMBERS,
    whole=st.integers(-(10**9), 10**9),
)
def test_any_table_in_any_form_survives(form: Form, words: list[str], number: float, whole: int) -> None:
    frame = pd.DataFrame({"x": number, "n": whole, "word": words, "kind": "k"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(form.write(frame))
        said = {"separator": form.separator, "decimal": form.decimal, "quote": form.quote, **form.said}
        if form.thousands:
            said["thousands"] = form.thousands.replace("\u202f", " ")
        found, _ = read_frame(str(path), Data(csv=str(path), target="kind" if form.header else "c3", **said))
    check_equal(found.set_axis(frame.columns, axis=1), frame)


def test_a_table_of_thousands_of_columns(tmp_path: Path) -> None:
    lines = [
        ",".join(f"c{k}" for k in range(5000)),
        *(",".join(str(k * r) for k in range(5000)) for r in range(20)),
    ]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    found, _ = read_frame(str(tmp_path / "t.csv"), Data(csv=str(tmp_path / "t.csv"), target="c0"))
    assert found.shape == (20, 5000) and found.iloc[19, 4999] == 19 * 4999
