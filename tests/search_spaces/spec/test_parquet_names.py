"""The columns of Parquet files: as pyarrow tells them, and a refusal for every other file."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.spec.checks.parquet_names import column_names

COLUMNS = {
    "float": [1.5, None],
    "": [1, 2],
    "é ü, z": ["x", "y"],
    "record": [{"a": 1, "b": {"c": [1, 2], "d": True}}, None],
    "list": [[1, 2], []],
    "records": pa.array([[{"x": 1, "y": [{"z": b"1"}]}], None]),
    "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
    "time": pa.array([datetime.datetime(2026, 1, 1), None], pa.timestamp("us", "UTC")),
    "decimal": pa.array([1, 2], pa.int64()).cast(pa.decimal128(21, 2)),
    "fixed": pa.array([b"abcd", b"efgh"], pa.binary(4)),
    "category": pa.array(["a", "b"]).dictionary_encode(),
    "nothing": pa.nulls(2),
    "last": [0, 1],
}


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"compression": "zstd"},
        {"store_schema": False},
        {"use_compliant_nested_type": False},
        {"version": "1.0"},
    ],
    ids=str,
)
def test_columns_are_those_that_pyarrow_finds(written: dict[str, Any], tmp_path: Path) -> None:
    pq.write_table(pa.table(COLUMNS), tmp_path / "t.parquet", **written)
    assert column_names(tmp_path / "t.parquet") == list(COLUMNS) == pq.read_schema(tmp_path / "t.parquet").names


def test_the_index_of_a_frame_is_a_column(tmp_path: Path) -> None:
    import pandas as pd

    pd.DataFrame({"a": [1]}, index=["row"]).to_parquet(tmp_path / "t.parquet")
    assert column_names(tmp_path / "t.parquet") == ["a", "__index_level_0__"]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "does not end as one"),
        (b"PAR1", "does not end as one"),
        (b"PAR1PAR1", "does not end as one"),
        (b"x,y\n1,2\n", "does not end as one"),
        (b"PAR1\xff\xff\xff\x7fPAR1", "does not end as one"),
        (b"PAR1\0\0\0\0PAR1", "footer cannot be read"),
        (b"PAR1" + b"\x1c" * 5000 + (5000).to_bytes(4, "little") + b"PAR1", "footer cannot be read"),
        (b"PAR1\x29\xfc\xff\xff\xff\xff\x7f" + b"\0" * 99 + (106).to_bytes(4, "little") + b"PAR1", "footer cannot"),
        (b"PAR1\x19\xf3\xff\xff\xff\xff\x7f" + b"\0" * 99 + (106).to_bytes(4, "little") + b"PAR1", "footer cannot"),
    ],
    ids=["empty", "mark", "marks", "csv", "long footer", "no footer", "deep", "nameless", "long list"],
)
def test_other_files_are_refused(file: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(file)
    with pytest.raises(ValueError, match=f"it is no Parquet file: .*{reason}"):
        column_names(tmp_path / "t.parquet")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "t.parquet"
    pq.write_table(pa.table(COLUMNS), path, store_schema=False)
    return path


@settings(max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_footer_gives_names_or_a_refusal(changes: list[tuple[int, int]], whole: Path) -> None:
    file = bytearray(whole.read_bytes())
    length = int.from_bytes(file[-8:-4], "little")
    for at, byte in changes:
        file[len(file) - 8 - length + at % length] = byte
    damaged = whole.with_name("damaged.parquet")
    damaged.write_bytes(file)
    try:
        assert all(isinstance(name, str) for name in column_names(damaged))
    except ValueError as error:
        assert "no Parquet file" in str(error)
