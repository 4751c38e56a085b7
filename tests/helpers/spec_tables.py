"""Writes the files that faulty specs name: CSV and Parquet tables, good and bad, small and large."""

from __future__ import annotations

from pathlib import Path

TEXTS = {
    "table.csv": "x0,x1,label\n1,2,a\n",
    "numbers.csv": "1,2\n3,4\n",
    "either.csv": "1,5;2,5\n3,5;4,5\n",
    "uneven.csv": "x,y\n1,2\n1,2,3\n",
    "empty.csv": "x,y\n",
    "doubled.csv": "x,x,y\n1,2,3\n",
}
NUM_WIDE = 20_000
"""Number of columns of wide.csv and wide.parquet."""


def write_tables(folder: Path) -> Path:
    """Write all small files into ``folder``; returns it."""
    import pyarrow
    import pyarrow.parquet

    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    (folder / "binary.csv").write_bytes(bytes(range(256)))
    pyarrow.parquet.write_table(pyarrow.table({"png": [b"x"], "label": [1]}), folder / "t.parquet")
    return folder


def write_large(folder: Path, num_bytes: int) -> Path:
    """Write large.csv of about ``num_bytes``, wide tables and broken Parquet files into ``folder``; returns it."""
    import pyarrow
    import pyarrow.parquet

    row = b"1.25,2.5,3\n"
    with (folder / "large.csv").open("wb") as file:
        file.write(b"x0,x1,label\n")
        for _ in range(max(1, num_bytes >> 20)):
            file.write(row * (2**20 // len(row)))
    names = [f"gene_{k:05}" for k in range(NUM_WIDE)]
    (folder / "wide.csv").write_text(f"{','.join(names)}\n{','.join(['1'] * NUM_WIDE)}\n")
    pyarrow.parquet.write_table(pyarrow.table({name: [1.0] for name in names}), folder / "wide.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"x": [1.0], "label": [1]}), folder / "cut.parquet")
    good = (folder / "cut.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(good[:-20])
    (folder / "lying.parquet").write_bytes(good[:-8] + b"\xff\xff\xff\x7fPAR1")
    (folder / "junk.parquet").write_bytes(b"PAR1" + bytes(range(256)) * 8 + b"\x00\x04\x00\x00PAR1")
    return folder
