"""The rows of an Excel sheet, by openpyxl, which the extra ``xlsx`` installs."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.types.faults import nearest

if TYPE_CHECKING:
    from search_spaces.spec.data import Data


def sheet_rows(path: Path, data: Data) -> Iterator[Sequence[Any]]:
    """Yield the rows from ``skip_rows`` on, but empty ones, of the sheet that is named, or the only one with any.

    Raises ValueError, which says what to write, where the sheet is not certain or the file cannot be read.
    """
    with _opened(path) as book:
        rows = islice(_sheet(book, data.sheet).iter_rows(values_only=True), data.skip_rows or 0, None)
        yield from (row for row in rows if any(cell is not None for cell in row))


def refuse_uncalculated(path: Path, data: Data) -> None:
    """Raise ValueError for formulas without a value: a program wrote them, and no spreadsheet has calculated them.

    The value that a formula has is stored beside it; an empty text is one.
    """
    with zipfile.ZipFile(path) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        if not any(b"<f" in archive.read(name) for name in sheets):
            return
    with _opened(path) as values, _opened(path, formulas=True) as formulas:
        title = _sheet(values, data.sheet).title
        rows = zip(values[title].iter_rows(), formulas[title].iter_rows(), strict=True)
        cells = (pair for row in rows for pair in zip(*row, strict=True))
        found = [
            formula.coordinate
            for value, formula in cells
            if value.value is None and formula.data_type == "f" and value.data_type != "str"
        ]
    if found:
        more = f" and {len(found) - 1} more cells hold formulas" if len(found) > 1 else " holds a formula"
        how = "open and save the file in a spreadsheet program, or write values instead"
        raise ValueError(f"cell {found[0]}{more} that no program has calculated yet: {how}")


@contextmanager
def _opened(path: Path, *, formulas: bool = False) -> Iterator[Any]:
    try:
        import openpyxl  # 0.2 s
    except ImportError as error:
        raise ValueError("Excel files are read by openpyxl: pip install 'paceline[xlsx]'") from error
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=not formulas)
    except (zipfile.BadZipFile, KeyError, openpyxl.utils.exceptions.InvalidFileException) as error:
        raise ValueError(f"it is no Excel file of the kind .xlsx: {error}") from error
    try:
        yield book
    finally:
        book.close()


def sheet_columns(header: Sequence[Any], named: bool) -> list[str]:
    """Return the columns' names by the first row. Raises ValueError where two are the same."""
    if not named:
        return [f"c{k}" for k in range(len(header))]
    names = [f"c{k}" if cell is None else str(cell).strip() for k, cell in enumerate(header)]
    doubled = [name for name, num in Counter(names).items() if num > 1]
    if doubled:
        raise ValueError(f"two columns are named {', '.join(map(repr, doubled[:5]))}: rename one")
    return names


def _sheet(book: Any, said: str | None) -> Any:
    names = [sheet.title for sheet in book.worksheets]
    if said is not None:
        if said not in names:
            close = nearest(said, names)
            meant = f", did you mean {close!r}?" if close else f"; it has {', '.join(map(repr, names))}"
            raise ValueError(f"it has no sheet {said!r}{meant}")
        return book[said]
    filled = [sheet for sheet in book.worksheets if any(True for _ in islice(sheet.iter_rows(values_only=True), 2))]
    if len(filled) != 1:
        raise ValueError(f"say which sheet holds the table, by data.sheet: {' or '.join(map(repr, names))}")
    return filled[0]
