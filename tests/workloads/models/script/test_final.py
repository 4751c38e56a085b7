"""Final legs of scripts, and what scripts leave behind: in this process, as a lane trains them, without Ray."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from search_spaces.race.legs import Leg, Member, Purpose, Saved
from search_spaces.spec.keys.command import Command
from search_spaces.types.objective import Objective
from workloads.data.search_data import no_data, no_examples
from workloads.files import artifacts
from workloads.legs import checkpoint
from workloads.legs.own_test import Untested
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.script import loop
from workloads.models.script.start import forget

FAST = ("${interpreter}", "-S", "${program}", "${args}")
"""Without site-packages: Python starts in a third of the time."""
REPORTS = """
import json, os, time
def report(metrics=None, step=None, **files):
    with open(os.environ["PACELINE_REPORTS"], "a") as file:
        print(json.dumps({"metrics": metrics or {}, "step": step, "artifacts": files}), file=file)
final = os.environ["PACELINE_PURPOSE"] == "final"
values = [0.1, 0.9, 0.5]
"""
Begin = Callable[..., LegRunner]


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Return a function that starts a leg of three epochs of a program, and trains it while it goes on."""
    monkeypatch.chdir(tmp_path)
    forget()

    def start(program: str, purpose: Purpose = "final", **given: object) -> LegRunner:
        (tmp_path / "train.py").write_text(REPORTS + dedent(program))
        command = Command(program="train.py", words=FAST, **given)  # type: ignore[arg-type]
        objective = Objective("val_acc", "maximize")
        setting = LegSetting("script", objective, str(tmp_path / "checkpoints"), device="cpu", command=command)
        runner = LegRunner(setting, no_data(), no_examples())
        member = Member(trial=3, seed=7, params={})
        runner.start(Leg(id=0, start=0, stop=3, horizon=3, members=(member,), purpose=purpose))
        return runner

    return start


def trained(runner: LegRunner) -> Saved:
    while not runner.done:
        for told in runner.epoch():
            assert told.metrics.keys().isdisjoint(["test_acc"]) or runner.leg.purpose != "final"  # type: ignore[union-attr]
    [saved] = runner.save(over=True)
    return saved


AT_THE_END = """
for epoch, value in enumerate(values, 1):
    report({"val_acc": value, "val_loss": 1 - value}, epoch)
report({"test_acc": 0.4 + int(os.environ["PACELINE_SEED"]) / 100} if final else {})
"""
ALWAYS = """
for epoch, value in enumerate(values, 1):
    report({"val_acc": value, "test_acc": value / 2}, epoch)
"""
IN_MLFLOW = """
folder = os.environ["MLFLOW_TRACKING_URI"].removeprefix("file://")
metrics = os.path.join(folder, "0", os.environ["MLFLOW_RUN_ID"], "metrics")
for epoch, value in enumerate(values, 1):
    for name, number in ("val_acc", value), ("test_acc", value / 2):
        with open(os.path.join(metrics, name), "a") as file:
            print(epoch, number, epoch, file=file)
"""
PRINTED = """
for epoch, value in enumerate(values, 1):
    print(f"epoch={epoch} val_acc={value} test_acc={value / 2}")
"""
PRINTED_ALONE = """
for epoch, value in enumerate(values, 1):
    print(f"epoch={epoch} val_acc={value}")
print("test_acc=0.3")
"""


@pytest.mark.parametrize(
    ("program", "epoch", "test"),
    [(AT_THE_END, 3, 0.47), (ALWAYS, 2, 0.45), (IN_MLFLOW, 2, 0.45), (PRINTED, 2, 0.45), (PRINTED_ALONE, 3, 0.3)],
)
def test_a_script_is_judged_by_the_test_metric_that_it_reports(
    begin: Begin, program: str, epoch: int, test: float
) -> None:
    runner = begin(program)
    saved = trained(runner)
    [scored] = runner.score()
    assert scored.best_epoch == epoch and scored.metrics["test_acc"] == pytest.approx(test)
    assert scored.metrics["val_acc"] == values_of(epoch)
    assert saved.uri is not None
    kept = checkpoint.progress(saved.uri)
    assert kept.curves is not None and kept.curves["val_acc"] == [0.1, 0.9, 0.5], "the last one once"
    assert "epoch" not in kept.curves
    assert runner.take_messages()[1:] == []


def values_of(epoch: int) -> float:
    return [0.1, 0.9, 0.5][epoch - 1]


def test_one_that_reports_none_is_told_what_to_do(begin: Begin) -> None:
    runner = begin(AT_THE_END.replace("if final", "if not final"))
    trained(runner)
    with pytest.raises(Untested) as caught:
        runner.score()
    assert str(caught.value) == (
        "train.py ended a training of the final evaluation without test_acc, by which the finalists are judged; it "
        "reported val_acc, val_loss: report it at its last epoch, where PACELINE_PURPOSE is final"
    )


SAVES = """
for epoch, value in enumerate(values, 1):
    if epoch >= {first}:
        with open(os.path.join(os.environ["PACELINE_CHECKPOINT"], "model"), "w") as file:
            file.write(str(epoch))
    report({{"val_acc": value, "test_acc": value / 2}}, epoch)
    time.sleep(0.3)
"""


@pytest.mark.parametrize(("first", "judged", "model"), [(1, 2, "2"), (3, 3, "3"), (9, 2, None)])
def test_the_champion_s_files_are_those_of_the_epoch_that_is_judged(
    begin: Begin, tmp_path: Path, first: int, judged: int, model: str | None
) -> None:
    runner = begin(SAVES.format(first=first), checkpoint=True)
    saved = trained(runner)
    [scored] = runner.score()
    assert scored.best_epoch == judged and saved.uri is not None
    assert checkpoint.copy_saved(saved.uri, tmp_path / "copy") == (model is not None)
    assert model is None or (tmp_path / "copy" / "model").read_text() == model


LOGS = """
own = os.environ["PACELINE_FOLDER"]
os.makedirs(own + "/files/deep")
artifacts = os.environ["MLFLOW_TRACKING_URI"].removeprefix("file://") + "/0/" + os.environ["MLFLOW_RUN_ID"]
for path, size in ("/a.png", 1), ("/model.bin", 99), ("/files/deep/b.txt", 2):
    open(own + path, "wb").write(b"x" * size)
report(**{"plots/a.png": own + "/a.png", "model.bin": own + "/model.bin", "../out": own + "/a.png"})
open(artifacts + "/artifacts/c.txt", "w").write("xyz")
"""
WHOLE = {"plots/a.png": 1, "model.bin": 99, "files/deep/b.txt": 2, "c.txt": 3}


def sizes(folder: Path) -> dict[str, int]:
    return {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("purpose", ["search", "final"])
def test_what_it_has_logged_is_saved_at_its_end_whatever_its_size(
    begin: Begin, tmp_path: Path, purpose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "MAX_BYTES", 50)
    monkeypatch.setattr(loop, "_told_of_size", set())
    runner = begin(LOGS + ALWAYS, purpose)
    found = []
    while not runner.done:
        runner.epoch()
        found += runner.exhibits()
    [saved] = runner.save(over=True)
    found += runner.logged(over=True)
    kept = {one.path: len(base64.b64decode(one.content)) for one in found}
    assert kept.keys() - {"model.bin.left_out.txt"} == WHOLE.keys() - {"model.bin"}
    assert len(found) == len(kept), "each once"
    assert any("paceline best ID --files DIR" in told for told in runner.take_messages())
    assert saved.uri is not None
    checkpoint.copy_saved(saved.uri, tmp_path / "copy")
    assert sizes(tmp_path / "copy") == WHOLE


def test_one_that_is_stopped_keeps_what_it_has_logged_so_far(begin: Begin) -> None:
    runner = begin(f"{LOGS}report({{'val_acc': 0.1}})\nreport({{'val_acc': 0.2}})\ntime.sleep(99)", "search")
    assert runner.epoch()
    before = runner.exhibits()
    assert {one.path for one in before} == {"plots/a.png", "model.bin"}, "the others may not be whole yet"
    assert [one.uri for one in runner.save(over=True)] == []
    after = runner.logged(over=True)
    assert {one.path for one in after} == {"files/deep/b.txt", "c.txt"}
    assert runner.aboard[0].loop._run.over  # type: ignore[attr-defined]
    runner.leave()


def test_one_that_logs_nothing_leaves_nothing_in_the_search(begin: Begin) -> None:
    assert trained(begin(ALWAYS, "search")).uri is None
