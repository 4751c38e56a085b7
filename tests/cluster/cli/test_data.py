"""`paceline data`: the card and the columns without a sweep, and the refusal of data that cannot be used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.cli.main import main
from tests.helpers.paths import ROOT
from tests.helpers.table_files import write_mixed

FAULTS = ROOT / "tests" / "data" / "faults"

SPEC = """
workload: mlp
data: {csv: pets.csv, target: kind, columns: {size: {ordinal: [small, medium, large]}}}
epochs: 1
trials: 2
parameters: {lr: {min: 1e-4, max: 1e-1, log: true}}
"""


ODD_FILES = {
    "late-word.csv.gz": {"csv": "late-word.csv.gz", "target": "y"},
    "german-excel.csv": {"csv": "german-excel.csv", "target": "kind"},
    "polish.csv": {"csv": "polish.csv", "target": "y"},
    "types.parquet": {"parquet": "types.parquet", "target": "y"},
    "sheets.xlsx": {"xlsx": "sheets.xlsx", "sheet": "data", "target": "kind"},
    "day-first.csv": {"csv": "day-first.csv", "target": "y"},
    "huge.csv": {"csv": "huge.csv", "target": "y"},
    "units.csv": {"csv": "units.csv", "target": "y"},
    "kinds": {"folder": "kinds"},
    "films": {"folder": "films", "skip_bad": True},
    "floats": {"folder": "floats"},
    "slashes.csv": {"series": "slashes.csv", "time": "t", "value": "v", "window": 3, "season": 1},
}
"""What a sweep says of files of tests/data/faults that libraries warn about, or once did."""
COMMANDS = """
import json, sys
from pathlib import Path
from cluster.cli.main import main
from cluster.sweep import data_process

class Here(data_process.Preparing):  # without a process for each file
    def __init__(self, sweep):
        self.sweep = sweep
    def result(self):
        from workloads.data.prepare import prepare
        found = prepare(self.sweep.data, self.sweep.problem)
        indices = {name: rows.tolist() for name, rows in found.indices.items()}
        return data_process.Loaded(found.search, found.test, found.card.to_dict(), indices)
    def cancel(self):
        pass

data_process.Preparing = Here
codes = [main([command, spec]) for spec in sys.argv[1:] for command in ("check", "data")]
Path("codes.json").write_text(json.dumps(codes))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    write_mixed(tmp_path)
    (tmp_path / "sweep.yaml").write_text(SPEC)
    return tmp_path


def test_people_see_card_columns_pictures_and_rows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "sweep.yaml"]) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[0]: line for line in shown.splitlines() if line}
    assert "pets.csv: table, classification of 'kind'" in lines["data"]
    assert "120: 84 train, 18 val, 18 test" in lines["rows"]
    assert "cat (42 + 9 + 9), dog (42 + 9 + 9)" in lines["classes"]
    assert "column 'id' names its rows" in shown
    assert lines["size"].split()[1] == "ordinal" and "small (" in lines["size"]
    assert "█" in lines["weight"] and "%" in lines["weight"]
    assert "features of 6 columns by default" in lines["a"]
    assert sorted(path.name for path in folder.iterdir()) == ["pets.csv", "sweep.yaml"]


def test_a_function_of_ones_own_gets_rows_and_no_features(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also one of whose parameters the spec alone knows values; texts have no shape, as little as a table."""
    (folder / "own.py").write_text("def train(run, *, depth: int):\n    run.report(val_accuracy=0.5)\n")
    texts = "".join(f"film {k} was {'fine' if k % 2 else 'dull'},{k % 2}\n" for k in range(40))
    (folder / "films.csv").write_text(f"review,label\n{texts}")
    spec = (
        "workload: own:train\ndata: {csv: films.csv, target: label, text: review}\nmetric: {name: val_accuracy}\n"
        "epochs: 1\ntrials: 2\nfinal: none\nparameters: {depth: {values: [1, 2]}}\n"
    )
    (folder / "own.yaml").write_text(spec)
    assert main(["data", "own.yaml"]) == 0
    shown = capsys.readouterr().out
    assert "films.csv: sentences, classification of 'label'" in shown
    assert "a model gets" not in shown and "example " not in shown and "review  text" in shown
    assert (
        main(
            [
                "data",
                "own.yaml",
                "workload=recurrent",
                "metric.goal=maximize",
                "parameters={width: {values: [4, 8]}}",
            ]
        )
        == 0
    )
    assert "a model gets" not in capsys.readouterr().out, "its tokens are no features"


def test_a_program_gets_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "sweep.yaml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["card"]["columns"]["born"] == "datetime"
    assert [column["name"] for column in found["overview"]["columns"]] == found["card"]["features"]
    assert found["overview"]["rows"] == found["card"]["rows"]["train"] == 84
    assert len(found["overview"]["features"]["rows"][0]) == found["overview"]["features"]["number"]


def test_what_was_told_from_the_file_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pets.csv").write_text("\n".join(["a;b;kind", *(f"{i},5;{i % 7};{'xy'[i % 2]}" for i in range(40))]))
    (folder / "sweep.yaml").write_text(SPEC.replace(", columns: {size: {ordinal: [small, medium, large]}}", ""))
    assert main(["data", "sweep.yaml"]) == 0
    found = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("found"))
    assert 'separator: ";", decimal: ","' in found


@pytest.mark.parametrize(
    ("override", "refusal"),
    [
        ("data.target=knd", "data.target: must be a column of pets.csv"),
        (
            "data.columns={weight: datetime}",
            "column 'weight': '7.8678951367086984' is a date of no format",
        ),
        ("parameters.imputation=none", "parameters.imputation: must be median, mean or most_frequent"),
    ],
)
def test_data_that_cannot_be_used_is_refused(
    override: str, refusal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "sweep.yaml", override]) == 2
    told = capsys.readouterr()
    assert refusal in told.err and told.out == ""


def test_no_library_writes_to_the_terminal(folder: Path) -> None:
    for name, data in ODD_FILES.items():
        said = {key: str(FAULTS / value) if value == name else value for key, value in data.items()}
        workload = "cnn" if "folder" in data else "recurrent" if "series" in data else "mlp"
        (folder / f"{name}.yaml").write_text(json.dumps({"workload": workload, "data": said}))
    specs = [f"{name}.yaml" for name in ODD_FILES]
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", COMMANDS, *specs], cwd=folder, capture_output=True, text=True
    )
    codes = json.loads((folder / "codes.json").read_text())
    assert dict(zip(specs, codes[1::2], strict=True)) == {spec: 2 * (spec == "huge.csv.yaml") for spec in specs}
    refusal, *others = done.stderr.splitlines()
    assert "column 'a' must hold numbers of at most 1e+150" in refusal and not others, done.stderr
