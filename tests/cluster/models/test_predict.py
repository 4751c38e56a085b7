"""`paceline predict`: rows that fit, and rows that do not; a changed model is not loaded."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import paceline
from cluster.models import remarks, tables
from cluster.models.output import Output
from cluster.models.takes import Takes
from tests.helpers.small_champion import id_of, model_files, rows
from tests.helpers.sweep_here import Here
from workloads.arrays import Column, DataError
from workloads.data.sources.tabular import csv_cells


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_files_of_every_kind_give_what_the_model_gives(
    patients: Here, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(csv_cells, "PART_BLOCKS", 1)
    monkeypatch.setattr(csv_cells, "BLOCK_BYTES", 256)
    monkeypatch.setattr(csv_cells, "BLOCK_BYTES_A_COLUMN", 64)
    new, file = rows(40, seed=1), tmp_path / f"new.{ending}"
    if ending == "csv":
        new.to_csv(file, index=False)
    elif ending == "parquet":
        new.to_parquet(file)
    else:
        new.to_json(file, orient="records", lines=True)
    out = tmp_path / "out.parquet"
    done = patients.paceline("predict", "last", str(file), "-o", str(out), "--keep")
    assert done.returncode == 0, done.stderr
    found = pd.read_parquet(out)
    monkeypatch.chdir(patients.path)
    expected = paceline.load("last").predict(new.drop(columns="outcome"))
    assert list(found["prediction"]) == list(expected["prediction"])
    assert list(found["age"]) == list(new["age"])
    assert list(found.columns[-3:]) == ["prediction", "ill", "well"]
    share = (found["prediction"] == new["outcome"]).mean()
    assert f"accuracy {share:.4g} on 40 rows that have `outcome`" in done.stderr
    again = patients.paceline("predict", "last", str(file), "-o", str(out))
    assert (again.returncode, again.stderr) == (2, f"{out} is there already: name another file with -o\n")


def refused(patients: Here, file: Path, text: str, *more: str) -> str:
    file.write_text(text)
    before = sorted(file.parent.iterdir())
    done = patients.paceline("predict", "last", str(file), *more)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert sorted(file.parent.iterdir()) == before
    return done.stderr


def test_rows_that_do_not_fit_are_refused_with_all_columns_and_their_rows(patients: Here, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    gone = refused(patients, file, "age,wieght\n40,70\n")
    assert "the rows must have the columns 'weight' (did you mean 'wieght'?), 'ward'" in gone
    wrong = refused(patients, file, "age,weight,ward\n40,70,north\nold,x,south\n", "-o", str(tmp_path / "out.csv"))
    assert "column 'age' must hold numbers, received 'old' in row 3" in wrong
    assert "column 'weight' must hold numbers, received 'x' in row 3" in wrong
    assert "new.csv:3: a row must have 3 cells" in refused(patients, file, "age,weight,ward\n40,70,north\n4,5\n")
    assert "must hold at least one example" in refused(patients, file, "age,weight,ward\n")
    assert "must end in .csv or .parquet" in refused(patients, file, "age\n", "-o", "out.txt")


def test_what_is_odd_about_rows_is_told(patients: Here, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("age,weight,ward,id\n40,70,north,1\n,,west,2\n81,60,west,3\n")
    done = patients.paceline("predict", "last", str(tmp_path / "new.csv"))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4
    assert "column 'ward' has words that the training split did not have" in done.stderr
    assert "'west' in 2 rows" in done.stderr
    assert "column 'age' has no value in 1 row, and the sweep's data had one in every row" in done.stderr
    assert "column 'weight'" not in done.stderr  # which has missing values in the sweep's data, too
    assert "the model does not use 'id'" in done.stderr
    nowhere = patients.paceline("predict", "last", str(tmp_path / "new.csv"), "-o", str(tmp_path / "no" / "o.csv"))
    assert (nowhere.returncode, nowhere.stderr) == (2, f"-o: there is no folder {tmp_path / 'no'}\n")


def test_different_unknown_words_are_counted_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remarks, "MOST_WORDS", 6)
    takes = Takes(form="matrix", columns=(Column("ward", "category", values=("north",)),))
    found = remarks.Remarks(takes=takes, words={"ward": frozenset({"north"})})
    for part in range(3):
        found.add(pd.DataFrame({"ward": ["north", "same", *(f"w{part}{k}" for k in range(3))]}))
    [said] = found.said()
    assert said.endswith(
        "'same' in 3 rows, 'w00' in 1 row, 'w01' in 1 row, 'w02' in 1 row, 'w10' in 1 row and more than 1 others"
    )
    assert (len(found.unknown["ward"]), found.others) == (6, {"ward": 4})


def test_columns_of_a_further_file_have_the_order_of_the_first(tmp_path: Path) -> None:
    with Output(tmp_path / "out.csv") as out:
        out.write(pd.DataFrame({"age": [1], "ward": ["north"]}))
        out.write(pd.DataFrame({"ward": ["south"], "age": [2]}))
        with pytest.raises(DataError, match="the files have different columns, as 'weight': leave out --keep"):
            out.write(pd.DataFrame({"age": [3], "ward": ["west"], "weight": [3]}))
    assert (tmp_path / "out.csv").read_text() == "age,ward\n1,north\n2,south\n"


def test_a_parquet_file_has_one_type_a_column(tmp_path: Path) -> None:
    told = r"another type than in the rows before .*: name a \.csv with -o"
    with pytest.raises(DataError, match=told), Output(tmp_path / "out.parquet") as out:
        out.write(pd.DataFrame({"id": [1, 2]}))
        out.write(pd.DataFrame({"id": ["x"]}))
    assert not list(tmp_path.iterdir())


def test_a_model_whose_files_were_changed_is_not_loaded(patients: Here, tmp_path: Path) -> None:
    weights = model_files(patients)
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        for command in (["predict", "last", "patients.csv"], ["serve", "last"]):
            done = patients.paceline(*command)
            assert done.returncode == 2, done.stderr
            assert "the files of models:/patients/1 are not those that were registered" in done.stderr
            assert f"`paceline best {id_of(patients)} -o best.yaml`" in done.stderr
    finally:
        weights.write_bytes(content)


def test_a_sweep_without_a_model_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.helpers.finished_sweep_without_ray import raced

    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.csv").write_text("a\n1\n")
    home = raced("final=none")
    done = Here(tmp_path).paceline("predict", "last", "new.csv")
    told = f"sweep {home.id} has no model: it has no final evaluation (final: none)\n"
    assert (done.returncode, done.stderr) == (2, told)
    unknown = Here(tmp_path).paceline("predict", "zzzz", "new.csv")
    assert unknown.returncode == 2
    assert home.id in unknown.stderr
