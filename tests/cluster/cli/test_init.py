"""What `paceline init` writes runs as it is: for every workload, every kind of data, and users' own functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.cli.main import main
from search_spaces.spec.sweep import load_sweep
from tests.helpers.reviews import rows
from tests.helpers.sweep_in_this_process import outcome, train_first
from workloads.registry import WORKLOADS, catalogue, workload

OWN = """
def train(run{hyperparameters}):
    for epoch in range(run.epoch, run.num_epochs):
        run.report(lambda folder: (folder / "model").write_text("x"), val_accuracy=0.5)
"""
PAIRS = [(name, kind) for name in WORKLOADS for kind in workload(name).problems]
FUNCTIONS = ["sklearn_sgd", "keras_mlp", "lightning_mlp", "fastai_tabular"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_a_new_spec_is_checked_without_fault_and_its_first_trial_trains(
    name: str, kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", name, "--data", kind]) == 0
    said = capsys.readouterr().out
    assert ("example." in said) == (kind in ("text", "series"))
    before = (folder / "sweep.yaml").read_text()
    assert main(["init", name]) == 2
    assert "sweep.yaml is there already" in capsys.readouterr().err
    assert (folder / "sweep.yaml").read_text() == before
    assert main(["check", "sweep.yaml"]) == 0
    assert f"{name}-" in capsys.readouterr().out
    train_first(load_sweep(folder / "sweep.yaml", catalogue=catalogue()), folder)


@pytest.mark.parametrize("module", FUNCTIONS)
def test_a_new_spec_of_each_example_of_a_users_function_is_checked_without_fault(module: str) -> None:
    assert main(["init", f"workloads.examples.{module}:train"]) == 0
    assert main(["check", "sweep.yaml"]) == 0


@pytest.mark.parametrize(
    "hyperparameters", ["", ", *, alpha: float = 0.1, flag: bool = True", ", *, word: str = 'a'"]
)
def test_a_new_spec_of_a_users_function_trains(hyperparameters: str, folder: Path) -> None:
    module = f"own_{len(hyperparameters)}"
    (folder / f"{module}.py").write_text(OWN.format(hyperparameters=hyperparameters))
    assert main(["init", f"{module}:train"]) == 0
    assert main(["check", "sweep.yaml"]) == 0
    sweep = load_sweep(folder / "sweep.yaml", catalogue=catalogue())
    assert sweep.final is None  # it has no predict
    train_first(sweep, folder)


def test_a_new_spec_of_a_small_workload_runs_to_its_verdict(folder: Path) -> None:
    assert main(["init", "softmax"]) == 0
    found = outcome(folder / "sweep.yaml", folder)
    assert found.verdict["metric"] == "test_accuracy" and len(found.scores) >= 3


def test_data_that_the_workload_does_not_take_and_files_in_the_way_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "cnn", "--data", "text"]) == 2
    assert "workload cnn takes no text data: --data must be image" in capsys.readouterr().err
    (folder / "example.csv").write_text("mine")
    assert main(["init", "recurrent", "--data", "series"]) == 2
    assert "example.csv is there already" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["example.csv"]


def test_a_network_of_ones_own_is_described_and_gets_a_spec_for_data_that_it_takes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["workloads", "tests.helpers.networks:Convolutional"]) == 0
    said = capsys.readouterr().out
    assert "  channels " in said and "hyperparameters of every training" in said
    assert main(["init", "tests.helpers.networks:Convolutional"]) == 0
    assert "data: {name: digits}" in (folder / "sweep.yaml").read_text()
    assert main(["check", "sweep.yaml"]) == 0
    assert main(["workloads", "mlpp"]) == 2
    assert "did you mean mlp" in capsys.readouterr().err


def test_a_file_of_texts_is_of_sentences_unless_the_workload_takes_tables_alone(folder: Path) -> None:
    rows(60).drop(columns=["also", "stars"]).to_csv("reviews.csv", index=False)
    for arguments, kind in ((["reviews.csv"], "sentences"), (["mlp", "reviews.csv"], "table")):
        assert main(["init", *arguments, "-o", f"{kind}.yaml"]) == 0
        sweep = load_sweep(Path(f"{kind}.yaml"), catalogue=catalogue())
        assert (sweep.workload, sweep.data.texts) == (
            ("recurrent", ["review"]) if kind == "sentences" else ("mlp", [])
        )


@pytest.mark.parametrize("name", ["completions", "language", "names"])
def test_an_example_is_copied_with_its_data(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["init", f"example:{name}"]) == 0
    assert main(["check", "sweep.yaml"]) == 0, capsys.readouterr().err
    data = next(path for path in folder.iterdir() if path.suffix not in ("", ".yaml", ".json"))
    data.write_text("mine")
    assert main(["init", f"example:{name}", "-o", "other.yaml"]) == 2
    assert f"{data.name} is there already" in capsys.readouterr().err and not (folder / "other.yaml").exists()


def test_a_table_without_a_named_workload_is_told_of_trees_whose_spec_has_what_has_an_effect(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["age,plan,churned", *(f"{k},{'ab'[k % 2]},{['no', 'yes'][k % 3 == 0]}" for k in range(60))]
    (folder / "churn.csv").write_text("\n".join(rows))
    assert main(["init", "churn.csv"]) == 0
    assert "paceline init boosted_trees FILE" in capsys.readouterr().out
    assert main(["init", "boosted_trees", "churn.csv", "-o", "trees.yaml"]) == 0
    assert "boosted_trees FILE" not in capsys.readouterr().out
    text = (folder / "trees.yaml").read_text()
    assert "# class_weights:" in text and "# loss:" not in text
    assert main(["check", "trees.yaml"]) == 0
