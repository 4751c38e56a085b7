"""Tables of Excel sheets, JSON lines and Feather files give what a CSV file of the same rows gives."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from pyarrow import feather

from search_spaces.spec.checks.tables import columns_of
from search_spaces.spec.data import Data
from search_spaces.spec.sweep import parse_sweep
from tests.helpers.spec_cases import DATA, whole
from tests.helpers.spec_cases import judge as judged
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.sources.tables import read_table
from workloads.registry import catalogue

ROWS = [
    {
        "size": k / 4 if k % 7 else None,
        "num": k,
        "mixed": "none" if k % 5 == 0 else k % 3,
        "price": f"{1000 + k},5",
        "flag": k % 3 == 0,
        "born": f"{1 + k % 28:02d}/{1 + k % 12:02d}/1984",
        "kind": ("NA", "ja")[k % 2],
    }
    for k in range(60)
]


def write_csv(path: Path) -> None:
    pd.DataFrame(ROWS).to_csv(path, index=False, sep=";")


def write_sheet(path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("empty")
    sheet = book.worksheets[0]
    sheet.append(list(ROWS[0]))
    for row in ROWS:
        sheet.append(list(row.values()))
    sheet.append([])
    book.save(path)


def write_lines(path: Path) -> None:
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in ROWS).encode()))


def write_list(path: Path) -> None:
    path.write_text(json.dumps(ROWS, indent=1))


def write_feather(path: Path) -> None:
    frame = pd.DataFrame(ROWS)
    frame["price"] = frame["price"].str.replace(",", ".").astype(float)
    frame["mixed"] = frame["mixed"].astype(str)
    feather.write_feather(frame, str(path))


WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "sheet": ("xlsx", write_sheet),
    "lines": ("jsonl", write_lines),
    "list": ("jsonl", write_list),
    "feather": ("feather", write_feather),
}


@pytest.mark.parametrize("case", WRITERS)
def test_a_file_gives_what_the_same_csv_gives(tmp_path: Path, case: str) -> None:
    form, write = WRITERS[case]
    write_csv(tmp_path / "t.csv")
    write(tmp_path / f"t.{form}")
    meant = prepare(Data(csv=str(tmp_path / "t.csv"), target="kind"))
    data = Data.model_validate({form: str(tmp_path / f"t.{form}"), "target": "kind"})
    found = prepare(data)
    assert found.card.columns == meant.card.columns
    assert found.card.classes == meant.card.classes == ("NA", "ja")
    np.testing.assert_array_equal(found.search.train.x, meant.search.train.x)
    assert columns_of(Path(data.origin), data)[0] == list(ROWS[0])


def test_json_in_utf_16(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes("\n".join(map(json.dumps, ROWS)).encode("utf-16"))
    data = Data(jsonl=str(tmp_path / "t.jsonl"), target="kind")
    assert len(read_table(str(data.jsonl), data).x) == len(ROWS)
    assert columns_of(Path(data.origin), data)[0] == list(ROWS[0])


def test_cells_of_a_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("data")
    sheet.append(["made on a day"])
    sheet.append([None, "when", "failed", "y"])
    for k in range(6):
        sheet.append([k * k, dt.datetime(2024, 1, 1 + k), "#DIV/0!" if k == 2 else k / 2, f" {'uv'[k % 2]} "])
    book["Sheet"].append(["notes"])
    book["Sheet"].append(["more"])
    book.save(tmp_path / "t.xlsx")
    path = str(tmp_path / "t.xlsx")
    with pytest.raises(DataError, match=r"say which sheet holds the table, by data.sheet: 'Sheet' or 'data'"):
        read_table(path, Data(xlsx=path, target="y"))
    with pytest.raises(DataError, match="it has no sheet 'dat', did you mean 'data'"):
        read_table(path, Data(xlsx=path, target="y", sheet="dat"))
    found = read_table(path, Data(xlsx=path, target="y", sheet="data", skip_rows=1))
    kinds = {column.name: column.kind for column in found.columns}
    assert kinds == {"c0": "number", "when": "datetime", "failed": "number"}
    assert np.isnan(found.x[2, 2]) and found.x[5, 2] == 2.5
    assert list(found.target) == ["u", "v"] * 3


def test_formulas_that_were_never_calculated_are_refused(tmp_path: Path) -> None:
    """Programs such as openpyxl write formulas without the values that a spreadsheet stores with them."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["a", "b", "remark", "y"])
    for k in range(2, 8):
        sheet.append([k, f"=2*A{k}", None, "uv"[k % 2]])
    book.save(tmp_path / "t.xlsx")
    path = str(tmp_path / "t.xlsx")
    rule = "cell B2 and 5 more cells hold formulas that no program has calculated yet: open and save the file"
    with pytest.raises(DataError, match=rule):
        read_table(path, Data(xlsx=path, target="y"))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    cells = parts["xl/worksheets/sheet1.xml"].decode()
    calculated = re.sub(r"<v ?/>|<v></v>", "<v>14</v>", cells)
    assert calculated != cells
    empty_text = calculated.replace('r="B3"', 'r="B3" t="str"').replace("<f>2*A3</f><v>14</v>", '<f>""</f><v></v>')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, empty_text if name.endswith("sheet1.xml") else content)
    found = read_table(path, Data(xlsx=path, target="y"))
    b = [column.name for column in found.columns].index("b")
    np.testing.assert_array_equal(found.x[:, b], [14, np.nan, 14, 14, 14, 14])


FAULTS: dict[str, tuple[str, bytes, str]] = {
    "no json": ("jsonl", b'{"a": 1, "y": 2}\n{"a": \n', "line 2 is no JSON"),
    "no object": ("jsonl", b'{"a": 1, "y": 2}\n3\n', "line 2 must hold an object"),
    "no sheet": ("xlsx", b"a,b\n", "it is no Excel file"),
    "no feather": ("feather", b"a,b\n" * 99, "Not a Feather"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_file_that_is_none_is_named(tmp_path: Path, case: str) -> None:
    form, content, message = FAULTS[case]
    path = tmp_path / f"t.{form}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(str(path), Data.model_validate({form: str(path), "target": "y"}))
    rule = "cannot be read" if case not in ("no json", "no object") else message
    judged(whole(DATA % f"{{{form}: t.{form}, target: y}}", 2, f"data.{form}", rule), tmp_path)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_several_files_are_one_table(tmp_path: Path, form: str) -> None:
    frame = pd.DataFrame({"a": range(60), "b": ["x", "y", "1"] * 20, "y": ["u", "v"] * 30})
    for k, part in enumerate((frame[:25], frame[25:][["y", "b", "a"]])):
        part = part.assign(b="1") if k else part
        if form == "csv":
            part.to_csv(tmp_path / f"{k}.csv", index=False, sep=",;"[k])
        else:
            part.to_parquet(tmp_path / f"{k}.parquet", index=False)
    text = f"{{workload: mlp, data: {{{form}: [0.{form}, 1.{form}], target: y}}}}"
    data = parse_sweep(text, "sweep.yaml", tmp_path, catalogue=catalogue()).data
    assert data.also == [str(tmp_path / f"1.{form}")]
    found = read_table(str(data.table_file), data)
    assert found.x[:, 0].tolist() == list(range(60))
    assert found.columns[1].values == ("1", "x", "y"), "one type for all files"
    assert list(found.target) == ["u", "v"] * 30
    assert prepare(data).card.name == f"{tmp_path / '0'}.{form} and 1 more"
    again = Data.model_validate(data.model_dump(mode="json"))
    assert again == data
    fault = whole(DATA % f"{{{form}: [0.{form}, 7.{form}], target: y}}", 2, f"data.{form}", "there is no such file")
    judged(replace(fault, received=f"'7.{form}'", suggestion=f"'1.{form}'"), tmp_path)


def test_further_files_have_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b,y\n1,2,u\n")
    (tmp_path / "b.csv").write_text("a,c,y\n1,2,u\n")
    data = Data(csv=str(tmp_path / "a.csv"), also=[str(tmp_path / "b.csv")], target="y")
    with pytest.raises(DataError, match=r"b.csv must have the same columns, the difference is 'b'"):
        read_table(str(tmp_path / "a.csv"), data)
