"""Finds cells that are no numbers in columns that are read as numbers: those of a stream are not all kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workloads.arrays import Column, DataError
from workloads.data.sources.tabular.csv_file import missing_words, without
from workloads.tables.columns import CLOCK
from workloads.tables.number_words import plain_numbers

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Data

BOOLEANS = ("True", "False")
"""Words that count as 1 and 0."""


@dataclass
class OtherCells:
    """The first cell of each column of strings that is no number."""

    data: Data
    found: dict[str, str] = field(default_factory=dict)

    def look(self, table: pa.Table) -> None:
        """Look at some rows."""
        import pandas as pd
        import pyarrow as pa

        for name in table.column_names:
            if name in self.found or not pa.types.is_string(table.schema.field(name).type):
                continue
            cells = without(table[name], [*missing_words(name, self.data), *BOOLEANS]).drop_null()
            if len(cells) and plain_numbers(cells) is None:
                words = cells.to_pandas()
                known = pd.to_numeric(words, errors="coerce").notna() | words.str.fullmatch(CLOCK)
                others = words[~known]
                self.found |= {name: str(others.iloc[0])} if len(others) else {}

    def refuse(self, columns: Iterable[Column], place: str) -> None:
        """Raise DataError where one of the columns of numbers holds another cell."""
        for column in columns:
            if column.kind == "number" and not column.number_form and (cell := self.found.get(column.name)):
                missing = f'data.missing: {{{column.name}: ["{cell}"]}} if it means that there is none'
                words = f"data.columns: {{{column.name}: category}} for words"
                style = "data.decimal and data.thousands for how numbers are written"
                what = f"column {column.name!r} holds {cell!r} beside numbers"
                raise DataError(f"{place}: {what}: say {missing}, {words}, or {style}")
