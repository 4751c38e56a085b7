"""Dates with years of two digits, in other languages, and far from now: the right day, or asked for."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from search_spaces.spec.column_kinds import column_fault
from search_spaces.spec.data import Data
from workloads.arrays import DataError
from workloads.data.sources.tables import table
from workloads.tables.columns import decode, encode
from workloads.tables.infer_kinds import columns_of

YEAR = pd.Timestamp.now().year


def days(cells: list[str], **said: Any) -> tuple[list[str], str]:
    """Return the days that are read, and the format; the words where they are none."""
    frame = pd.DataFrame({"a": cells * 30})
    columns, _ = columns_of(frame, Data(csv="t.csv", target="y", **said), "t.csv")
    x, columns = encode(frame, columns, "t.csv")
    if columns[0].kind != "datetime":
        return decode(x, columns)["a"].tolist()[: len(cells)], ""
    found = pd.to_datetime(pd.Series(x[: len(cells), 0]), unit="s", origin="unix", errors="coerce")
    return [str(day.date()) for day in found], columns[0].date_format


def short(year: int) -> str:
    return f"{year % 100:02d}"


BORN = ["12.03.45", "01.12.55", "31.01.99", f"13.05.{short(YEAR - 2)}"]
ENDS = [f"13.05.{short(YEAR - 1)}", f"01.06.{short(YEAR + 4)}"]
CASES: dict[str, tuple[list[str], list[str]]] = {
    "births": (BORN, ["1945-03-12", "1955-12-01", "1999-01-31", f"{YEAR - 2}-05-13"]),
    "births with slashes": (["13/03/45", "12/12/55"], ["1945-03-13", "1955-12-12"]),
    "ends of contracts": (ENDS, [f"{YEAR - 1}-05-13", f"{YEAR + 4}-06-01"]),
    "a leap day": (["29.02.00", "01.03.96"], ["2000-02-29", "1996-03-01"]),
    "Japanese": (["2024年3月4日", "2024年12月14日"], ["2024-03-04", "2024-12-14"]),
    "Korean": (["2024. 3. 4.", "2024. 12. 14."], ["2024-03-04", "2024-12-14"]),
    "German months": (["4. März 2024", "13. Dezember 2024"], ["2024-03-04", "2024-12-13"]),
    "short German months": (["04. Mrz. 2024", "13. Okt. 2024"], ["2024-03-04", "2024-10-13"]),
    "French months": (["1er août 2024", "13 févr. 2024"], ["2024-08-01", "2024-02-13"]),
    "Brazilian months": (["4 de março de 2024", "13 de outubro de 2024"], ["2024-03-04", "2024-10-13"]),
    "databases": (["13-JAN-99", "04-MAR-98"], ["1999-01-13", "1998-03-04"]),
    "sizes": (["12-inch-24", "13-inch-24"], ["12-inch-24", "13-inch-24"]),
    "the day's end": (["13.05.2024 24:00", "01.06.2024 12:00"], ["2024-05-14", "2024-06-01"]),
    "the day's end in ISO 8601": (["2024-05-31T24:00", "2024-06-01T12:00"], ["2024-06-01", "2024-06-01"]),
    "versions": (["1.12.10", "3.11.45"], ["1.12.10", "3.11.45"]),
}


@pytest.mark.parametrize("case", CASES)
def test_days(case: str) -> None:
    cells, meant = CASES[case]
    assert days(cells)[0] == meant


def test_a_century_that_is_uncertain_is_asked_for_and_kept() -> None:
    cells = [f"13.05.{short(YEAR + 2)}", f"01.06.{short(YEAR + 8)}"]
    with pytest.raises(
        DataError, match=rf"until {YEAR}' or .* until {YEAR + 20}': say data.columns: {{a: {{datetime"
    ):
        days(cells)
    said = {"datetime": f"%d.%m.%y until {YEAR}"}
    assert column_fault(said) is None
    assert days(cells, columns={"a": said})[0] == [f"{YEAR - 98}-05-13", f"{YEAR - 92}-06-01"]


def test_a_further_file_is_of_the_same_century() -> None:
    frame = pd.DataFrame({"a": BORN * 30})
    columns, _ = columns_of(frame, Data(csv="t.csv", target="y"), "t.csv")
    x, _ = encode(pd.DataFrame({"a": ["01.02.31"]}), columns, "own.csv")
    assert pd.Timestamp(x[0, 0], unit="s") == pd.Timestamp("1931-02-01")


@pytest.mark.parametrize("cells", [["31.12.9999", "13.05.2024"], ["9999-12-31", "2024-05-13"]])
def test_days_beyond_nanoseconds(cells: list[str]) -> None:
    frame = pd.DataFrame({"a": cells * 30})
    columns, _ = columns_of(frame, Data(csv="t.csv", target="y"), "t.csv")
    assert encode(frame, columns, "t.csv")[0][:2, 0].tolist() == [253402214400.0, 1715558400.0]
    data = Data(csv="t.csv", target="y")
    assert "column 'a' holds dates after 2200" in table(frame, frame["a"], data, "t.csv").notes[-1]
    said = data.model_copy(update={"missing": {"a": cells[:1]}})
    assert "after 2200" not in " ".join(table(frame, frame["a"], said, "t.csv").notes)


def test_times_without_a_zone_beside_others_are_told() -> None:
    for cells, told in (
        (["2024-03-04T10:00:00+02:00", "2024-03-05T10:00:00"], True),
        (["2024-03-04T10:00:00Z", "2024-03-05T10:00Z", "2024-03-06"], False),
    ):
        _, notes = columns_of(pd.DataFrame({"a": cells * 30}), Data(csv="t.csv", target="y"), "t.csv")
        assert any("holds times without a zone beside others" in note for note in notes) == told
