"""The module that a script imports as ``wandb`` does what the package does, and what it logs is reported."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workloads.models.script.environment import SHIM
from workloads.models.script.wandb_shim import wandb
from workloads.report import report

SWEEP = {"lr": 0.1, "opt": {"lr": 0.2}}


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A trial; call it for the lines that were reported so far."""
    path = tmp_path / "reports.jsonl"
    told = {"REPORTS": str(path), "CONFIG": json.dumps(SWEEP), "SWEEP": "1e3d", "TRIAL": "t007", "PROJECT": "p"}
    for name, value in {**told, "FOLDER": str(tmp_path / "own")}.items():
        monkeypatch.setenv(f"PACELINE_{name}", value)
    monkeypatch.setenv("WANDB_RUN_ID", "1e3d-t007")
    monkeypatch.chdir(tmp_path)
    yield lambda: [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    wandb.finish()


Reports = Callable[[], list[dict[str, Any]]]


def test_the_sweeps_values_come_before_the_scripts(reports: Reports) -> None:
    config = wandb.init(config={"lr": 0.5, "epochs": 3, "opt": {"lr": 9, "wd": 1}, "t": (1, 2)}).config
    assert (config.lr, config["epochs"], config.opt, config.t) == (0.1, 3, {"lr": 0.2, "wd": 1}, [1, 2])
    config.lr = 7
    config.update({"lr": 1, "new": np.int64(2)}, allow_val_change=True)
    config.setdefaults({"lr": 1, "epochs": 9, "z": 3})
    config.update(argparse.Namespace(bs=4, lr=2))
    assert dict(config) == {
        "lr": 0.1, "epochs": 3, "opt": {"lr": 0.2, "wd": 1}, "t": [1, 2], "new": 2, "z": 3, "bs": 4
    }  # fmt: skip
    assert (config.get("no"), config.get("no", 1), "bs" in config) == (None, 1, True)
    assert config.as_dict()["new"] == 2


def test_the_scripts_own_values_change_only_where_it_says_so(reports: Reports) -> None:
    config = wandb.init(config={"epochs": 3}).config
    with pytest.raises(wandb.ConfigError, match="Attempted to change value of key"):
        config.epochs = 4
    config.update({"epochs": 4}, allow_val_change=True)
    assert config.epochs == 4
    with pytest.raises(AttributeError):
        _ = config.nothing
    with pytest.raises(KeyError):
        _ = config["nothing"]


def test_each_run_of_a_script_reports_steps_of_its_own(reports: Reports) -> None:
    for fold in range(3):
        with wandb.init(reinit=True) as run:
            run.log({"val_acc": fold / 10}, step=0)
    told = [line for line in reports() if not line.get("summary")]
    assert [line["metrics"]["val_acc"] for line in told] == [0.0, 0.1, 0.2]
    assert len({line["step"] for line in told}) == 3


def test_rows_and_steps_are_those_of_the_package(reports: Reports) -> None:
    run = wandb.init()
    steps = [run.step]
    for data, more in (
        ({"a": 1}, {}),
        ({"b": 1}, {"commit": False}),
        ({"c": 1}, {}),
        ({"d": 1}, {"step": 5}),
        ({"e": 1}, {}),
        ({"f": 1}, {"step": 2}),
    ):
        wandb.log(data, **more)
        steps.append(run.step)
    assert steps == [0, 1, 1, 2, 5, 6, 6]
    assert [(line["step"], *line["metrics"]) for line in reports()] == [
        (0, "a"), (1, "b"), (1, "c"), (5, "d"), (5, "e")
    ]  # fmt: skip


def test_what_is_no_number_is_kept_or_passed_over(reports: Reports, capsys: pytest.CaptureFixture[str]) -> None:
    wandb.init(sync_tensorboard=True)
    table = wandb.Table(columns=["a", "b"], data=[[1, "x"]])
    table.add_data(2, "y")
    wandb.log({
        "g": {"h": np.float32(0.5), "i": {"j": np.bool_(True), "k": np.ones(3)}},
        "text": "words",
        "table": table,
        "image": [wandb.Image(np.zeros((4, 4, 3))), wandb.Image(np.ones((2, 2)))],
        "hist": wandb.Histogram([1, 2]),
        "matrix": wandb.plot.confusion_matrix(y_true=[0, 1], preds=[0, 0], class_names=["u", "v"]),
    })  # fmt: skip
    lines = reports()
    assert lines[-1]["metrics"] == {"g.h": 0.5, "g.i.j": 1}
    kept = {name: Path(path) for line in lines[:-1] for name, path in line["artifacts"].items()}
    assert list(kept) == [
        "media/table/table_0.table.json",
        "media/images/image_0_0.png",
        "media/images/image_1_0.png",
        "media/table/matrix_0.table.json",
    ]
    assert json.loads(kept["media/table/table_0.table.json"].read_text())["data"] == [[1, "x"], [2, "y"]]
    assert json.loads(kept["media/table/matrix_0.table.json"].read_text())["data"][2] == ["v", "u", 1]
    told = capsys.readouterr().err
    for what in ("histograms", "arrays", "what is written for TensorBoard (sync_tensorboard)"):
        assert f"does not keep {what}: write 'wandb: real'" in told


def test_the_summary_holds_the_last_or_the_best_values(reports: Reports) -> None:
    run = wandb.init()
    wandb.define_metric("acc", summary="max")
    wandb.define_metric("loss", summary="min,last")
    wandb.define_metric("m/*", step_metric="epoch", summary="mean")
    run.define_metric("none", summary="none")
    for value in (1, 3, 2):
        wandb.log({"acc": value, "loss": value, "m/x": value, "none": value, "x": value})
    wandb.run.summary["own"] = 5
    run.summary.update({"other": np.float64(6)})
    assert dict(run.summary.items()) == {
        "acc": {"max": 3}, "loss": {"min": 1, "last": 2}, "m/x": {"mean": 2}, "x": 2, "own": 5, "other": 6
    }  # fmt: skip
    assert (run.summary.get("own"), run.summary.get("no", 3), wandb.summary["x"]) == (5, 3, 2)
    wandb.finish()
    assert reports()[-1] == {
        "metrics": {"acc.max": 3, "loss.min": 1, "loss.last": 2, "m/x.mean": 2, "x": 2, "own": 5, "other": 6},
        "summary": True,
    }


def test_misuse_is_told_as_by_the_package(reports: Reports) -> None:
    for misuse in (lambda: wandb.log({"a": 1}), lambda: wandb.config.lr, lambda: wandb.config["lr"], wandb.watch):
        with pytest.raises(wandb.Error, match="must call"):
            misuse()
    run = wandb.init()
    for wrong in ([1], {1: 2}):
        with pytest.raises(TypeError):
            run.log(wrong)  # type: ignore[arg-type]
    assert wandb.init() is run
    assert wandb.init(reinit=True) is not run
    with pytest.raises(wandb.UsageError, match="is finished"):
        run.log({"a": 1})


def test_what_is_not_here_says_the_way_out() -> None:
    for missing in ("wandb.integration.xgboost", "wandb.apis.public"):
        with pytest.raises(ModuleNotFoundError, match="wandb: real"):
            __import__(f"workloads.models.script.wandb_shim.{missing}")
    with pytest.raises(AttributeError, match="wandb: real"):
        _ = wandb.launch
    with pytest.raises(wandb.CommError, match="wandb: real"):
        wandb.Api()
    assert not hasattr(wandb, "__nothing__")


def test_a_sweep_of_the_scripts_own_calls_its_function_once(reports: Reports) -> None:
    seen = []

    def train() -> None:
        with wandb.init(config={"lr": 3}) as run:
            seen.append((run.config.lr, run.sweep_id, run.id, run.name, run.project))
            run.log({"acc": 1.0})

    sweep = wandb.sweep({"method": "random", "parameters": {}}, project="x")
    wandb.agent(sweep, function=train, count=20)
    assert (sweep, seen) == ("1e3d", [(0.1, "1e3d", "1e3d-t007", "t007", "p")])
    assert wandb.run is None
    assert [line["metrics"] for line in reports()] == [{"acc": 1.0}, {"acc": 1.0}]


def test_files_are_kept(reports: Reports, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_text("1")
    (tmp_path / "late.txt").write_text("early")
    run = wandb.init()
    wandb.save("*.txt")
    artifact = wandb.Artifact("net", type="model", metadata={"a": 1})
    artifact.add_file(str(tmp_path / "model.pt"))
    with artifact.new_file("notes.txt") as file:
        file.write("n")
    run.log_artifact(artifact)
    (tmp_path / "model.pt").write_text("2")
    Path(run.dir, "best.ckpt").write_text("c")
    (tmp_path / "late.txt").write_text("late")
    run.finish()
    kept = {name: Path(path).read_text() for line in reports() for name, path in line.get("artifacts", {}).items()}
    assert kept == {
        "artifacts/model/net/model.pt": "1",
        "artifacts/model/net/notes.txt": "n",
        "files/best.ckpt": "c",
        "files/late.txt": "late",
    }
    with pytest.raises(wandb.CommError, match="wandb: real"):
        wandb.init().use_artifact("team/p/net:v0")


def test_other_ranks_and_disabled_runs_report_nothing(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    with wandb.init(mode="disabled") as run:
        run.log({"a": 1})
    monkeypatch.setenv("RANK", "1")
    with wandb.init() as run:
        assert run.config.lr == 0.1
        run.log({"a": 1})
    report(val_acc=0.5)
    assert reports() == []


def test_a_report_is_a_line_and_outside_of_a_sweep_it_is_printed(
    reports: Reports, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report(val_acc=np.float32(0.5), loss=1)
    report(step=4, val_acc=0.25, artifacts={"plot.png": "a.png"})
    assert reports() == [
        {"metrics": {"val_acc": 0.5, "loss": 1}, "step": None},
        {"metrics": {"val_acc": 0.25}, "step": 4, "artifacts": {"plot.png": os.path.realpath("a.png")}},
    ]
    with pytest.raises(TypeError, match="val_acc must be a number, and is of type str"):
        report(val_acc="good")
    monkeypatch.delenv("PACELINE_REPORTS")
    report(step=4, val_acc=0.25)
    assert capsys.readouterr().out == "step=4 val_acc=0.25\n"


def test_a_script_finds_it_as_wandb_and_loads_nothing_heavy() -> None:
    """As other libraries ask for it, too: by the version of the package, by names inside of ``wandb.sdk``."""
    code = """
import sys
import wandb, workloads.report
from wandb.sdk.lib import RunDisabled
from wandb.sdk.lib.config_util import ConfigError
from wandb.wandb_run import Run
assert wandb.Error is wandb.errors.Error and wandb.util.generate_id() and Run is wandb.Run
heavy = {"torch", "numpy", "yaml", "PIL", "pydantic", "inspect", "shutil", "tempfile"} & {*sys.modules}
assert not heavy, heavy
import importlib.metadata
assert importlib.metadata.version("wandb") == wandb.__version__
run = wandb.init(); run.log({"a": 1}); assert not hasattr(run, "_nothing")
"""
    path = os.pathsep.join([str(SHIM), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True)
    assert ran.returncode == 0, ran.stderr.decode()
