"""The columns of Parquet files, and a refusal for every other file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.spec.checks.tables import parquet_columns

COLUMNS = {
    "é ü, z": ["x", "y"],
    "record": [{"a": 1, "b": {"c": [1, 2], "d": True}}, None],
    "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
    "last": [0, 1],
}


def test_records_and_maps_are_one_column_each_and_the_index_of_a_frame_is_one(tmp_path: Path) -> None:
    pq.write_table(pa.table(COLUMNS), tmp_path / "t.parquet")
    assert parquet_columns(tmp_path / "t.parquet") == list(COLUMNS)
    pd.DataFrame({"a": [1]}, index=["row"]).to_parquet(tmp_path / "i.parquet")
    assert parquet_columns(tmp_path / "i.parquet") == ["a", "__index_level_0__"]


FILES = {
    "empty": b"",
    "marks": b"PAR1PAR1",
    "csv": b"x,y\n1,2\n",
    "long footer": b"PAR1\xff\xff\xff\x7fPAR1",
    "no footer": b"PAR1\0\0\0\0PAR1",
    "deep": b"PAR1" + b"\x1c" * 5000 + (5000).to_bytes(4, "little") + b"PAR1",
    "long list": b"PAR1\x19\xf3\xff\xff\xff\xff\x7f" + b"\0" * 99 + (106).to_bytes(4, "little") + b"PAR1",
}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_other_files_are_refused(file: bytes, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(file)
    with pytest.raises(ValueError, match="it is no Parquet file: "):
        parquet_columns(tmp_path / "t.parquet")


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
        assert all(isinstance(name, str) for name in parquet_columns(damaged))
    except ValueError as error:
        assert "no Parquet file" in str(error)
