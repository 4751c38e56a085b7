"""`paceline best -o FILE`: what it writes is a sweep file of that one configuration, for every kind of workload."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import search_spaces
from cluster.cli.main import main
from cluster.sweep.reading import Reading
from search_spaces.spec.sweep import load_sweep
from search_spaces.types.values import restored
from tests.helpers.finished_sweep_without_ray import SPEC, raced
from workloads.registry import catalogue

EXAMPLES = Path(search_spaces.__file__).parent / "examples"
FUNCTION = """
workload: mine:train
data: {name: digits}
metric: {name: score, goal: maximize}
epochs: 3
trials: 4
final: none
parameters:
  kind: {values: [plain, deep]}
  depth: {values: [1, 2], when: {kind: deep}}
  note: {values: ["no", "1e-3", null]}
  flag: {values: [true, false]}
"""
MINE = """\
def train(run, *, kind: str = "plain", depth: int = 1, note: str | None = None, flag: bool = True):
    run.report(score=1.0)
"""
SCRIPT = """
program: train.py
metric: {name: val/acc, goal: maximize}
epochs: 3
trials: 4
parameters:
  lr: {min: 1e-4, max: 1e-1, log: true}
  model.width: {values: [32, 64]}
  optimizer:
    parameters:
      kind: {values: [adam, sgd]}
"""
POPULATION = "early_terminate: {type: pbt, population: 4, interval: 1}\n"
CONDITIONAL = "  momentum: {min: 0.1, max: 0.9, when: {batch_size: 32}}\n"
TEXTS = {
    **{path.stem: path.read_text() for path in sorted(EXAMPLES.glob("*.yaml"))},
    "function": FUNCTION,
    "script": SCRIPT,
    "population": SPEC + POPULATION,
    "conditional": SPEC + CONDITIONAL,
    "several metrics": f"{SPEC}metrics: [{{name: val_accuracy}}, {{name: params_m}}]\n",
    "repeats": f"{SPEC}repeats: {{seeds: 3}}\n",
    "grid": SPEC.replace("{min: 1e-4, max: 1e-1, log: true}", "{values: [0.1, 0.2]}") + "method: grid\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "first"
    shutil.copytree(EXAMPLES, made)
    (made / "mine.py").write_text(MINE)
    (made / "train.py").write_text("import argparse\n")
    monkeypatch.chdir(made)
    monkeypatch.syspath_prepend(str(made))
    return made


@pytest.mark.parametrize("name", TEXTS)
def test_the_file_is_a_sweep_of_the_best_configuration(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = raced("trials=4", "early_terminate={type: none}" if name != "population" else "seed=0", text=TEXTS[name])
    best = Reading.of(home).best
    assert best is not None
    assert main(["best", home.id, "-o", "best.yaml"]) == 0
    alone = load_sweep(Path("best.yaml"), catalogue=catalogue())
    assert alone.trials == 1 and not alone.space.domains and alone.metric == home.sweep().metric
    tried = restored(best.params)
    if name != "population":  # whose values changed while it trained
        assert {key: alone.constants[key] for key in tried} == tried
    assert Path("best.yaml").read_text().startswith(f"# sweep {home.id}, ")
    assert "`paceline run best.yaml` trains it" in capsys.readouterr().out


def test_the_file_means_the_same_in_another_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raced("trials=4", text=TEXTS["table"], most_legs=40)
    other = folder.parent / "other"
    other.mkdir()
    assert main(["best", "-o", str(other / "best.yaml")]) == 0
    here = load_sweep(folder / "table.yaml", catalogue=catalogue())
    monkeypatch.chdir(other)
    assert load_sweep(Path("best.yaml"), catalogue=catalogue()).data == here.data
    assert main(["check", "best.yaml"]) == 0


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("best", "nope"), 2, "there is no sweep 'nope'"),
        (("show", "win", "t000"), 2, "did you mean wines?"),
        (("compare", "nope", "last"), 2, "there is no sweep 'nope'"),
        (("diff", "nope:t000", "last"), 2, "there is no sweep 'nope'"),
        (("show", "last", "t001"), 2, "no trial"),
        (("best", "last"), 2, "no successful trial yet"),
        (("best", "last", "-o", "best.yaml"), 2, "`paceline resume "),
        (("compare", "last", "lr"), 0, "no trial has a value"),
        (("diff", "last", "t000"), 2, "no trial with a value yet"),
    ],
)
def test_a_sweep_that_is_not_there_or_has_nothing_yet_is_told(
    words: tuple[str, ...], code: int, expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raced(most_legs=0)
    assert main(list(words)) == code
    told = capsys.readouterr()
    assert expected in told.out + told.err
    assert not Path("best.yaml").exists()


@pytest.mark.parametrize(
    "words", [("best", "last"), ("predict", "last", "new.csv"), ("promote", "last"), ("compare", "last", "OTHER")]
)
def test_a_sweep_whose_trials_all_failed_is_not_sent_to_a_resume_that_trains_nothing(
    words: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (Path.cwd() / "new.csv").write_text("a\n1\n")
    other = raced("trials=4", "final=none")
    home = raced(most_legs=0, phase="finished")
    assert main([other.id if word == "OTHER" else word for word in words]) == 2
    told = capsys.readouterr().err
    assert f"none of its trials succeeded; `paceline show {home.id}` says why" in told
    assert f"`paceline resume {home.id} --trials +N` tries more" in told


def test_a_sweep_without_a_final_evaluation_is_not_sent_to_a_resume_that_gives_it_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, home = raced("trials=4"), raced("trials=4", "final=none")
    assert main(["compare", home.id, other.id]) == 2
    told = capsys.readouterr().err
    assert f"sweep {home.id} has no final evaluation to be compared: final: none" in told and "resume" not in told
