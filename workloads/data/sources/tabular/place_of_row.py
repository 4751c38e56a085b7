"""Names a row of a table's file as the user's editor shows it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.spec.files.dialect import opened_text
from search_spaces.spec.files.find_dialect import find_dialect

if TYPE_CHECKING:
    from search_spaces.spec.data import Data


def place_of_row(path: str, data: Data, row: int) -> str:
    """Return the place of a row, which counts from 0 below the header: ``line 12`` of a CSV file, else ``row 11``.

    A sheet's header is its row 1; rows of other files count from 1. Rows of several files are counted through, and
    of CSV files the one is named that has it: ``line 12 of b.csv``.
    """
    further = data.also if path == data.table_file else []
    if data.parquet or data.jsonl or data.feather or data.xlsx:
        return f"row {row + (2 if data.xlsx else 1)}"
    left = row
    for file in (Path(path), *map(Path, further)):
        numbers = line_numbers(file, data)
        if left < len(numbers):
            return f"line {numbers[left]}" + (f" of {file.name}" if further else "")
        left -= len(numbers)
    return f"row {row + 1}"


def line_numbers(file: Path, data: Data) -> list[int]:
    """Return the number of each row's first line in a CSV file, counted from 1; the header is no row."""
    dialect = find_dialect(file, data)
    with opened_text(file, dialect) as lines:
        return [line for line, _ in islice(dialect.rows(lines), int(dialect.header), None)]
