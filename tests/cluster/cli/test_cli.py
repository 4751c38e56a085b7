"""The command line: what it imports, refuses, writes and prints, and with which exit code it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cluster.cli.main import COMMANDS, main, paceline
from cluster.cli.options import as_overrides
from tests.helpers.finished_sweep_without_ray import raced
from tests.helpers.paths import ROOT

HEAVY = {
    "torch",
    "torchvision",
    "ray",
    "mlflow",
    "optuna",
    "pandas",
    "sklearn",
    "numpy",
    "pyarrow",
    "rich",
}
SPEC = """
workload: softmax
data: {name: wine}
epochs: 9
trials: 20
metric: {name: val_accuracy, goal: maximize}
parameters:
  lr: {min: 1e-4, max: 1e-1, log: true}
  weight_decay: {min: 1e-6, max: 1e-2, log: true}
  batch_size: {values: [32, 64]}
"""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


@pytest.fixture
def spec(empty_folder: Path) -> str:
    path = empty_folder.parent / f"{empty_folder.name}.yaml"
    path.write_text(SPEC)
    return str(path)


LIGHT = ("search_spaces", "search_spaces.types", "search_spaces.types.module_path")
"""Modules that every command imports, within a millisecond."""


def modules_after(*argv: str) -> tuple[int, set[str]]:
    """The exit code of a command in a fresh process, and the top-level modules loaded there, without ``LIGHT``."""
    code = (
        "import sys; from cluster.cli.main import main; code = main(sys.argv[1:]);"
        f"names = set(sys.modules) - set({LIGHT});"
        "print('\\n' + ' '.join(sorted({name.partition('.')[0] for name in names})), file=sys.stderr);"
        "sys.exit(code)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code, *argv], env=environment, capture_output=True, text=True)
    return done.returncode, set(done.stderr.splitlines()[-1].split())


def test_help_loads_next_to_nothing_and_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, loaded = modules_after("--help")
    assert code == 0
    assert not loaded & (HEAVY | {"pydantic", "ruamel", "search_spaces", "workloads", "tracking"})
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    for command in (
        "demo",
        "init",
        "check",
        "run",
        "ls",
        "show",
        "best",
        "resume",
        "stop",
        "ui",
        "doctor",
        "schema",
    ):
        assert f"\n  {command} " in told


@pytest.mark.parametrize("command", ["ls", "show"])
def test_what_looks_at_a_sweep_loads_nothing_heavy(command: str, empty_folder: Path) -> None:
    kept = {"trials": 8, "shares": {}}
    raced("method=tpe", importance=kept)
    code, loaded = modules_after(command)
    assert code == 0
    assert not loaded & (HEAVY - {"rich"})


def test_a_faulty_spec_ends_with_2_before_anything_heavy_is_loaded(empty_folder: Path) -> None:
    bad = empty_folder.parent / f"{empty_folder.name}-bad.yaml"
    bad.write_text(SPEC.replace("softmax", "softmaxx"))
    code, loaded = modules_after("run", str(bad))
    assert code == 2
    assert not loaded & HEAVY
    assert not list(empty_folder.iterdir())


def test_each_fault_is_a_line_on_stderr_and_nothing_is_written(
    spec: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", spec, "epochs=0", "--trials", "-1", "methd=tpe"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 3, err
    assert {"epochs", "trials", "methd"} == {word for word in ("epochs", "trials", "methd") if word in err}
    assert "did you mean" in err
    assert not list(empty_folder.iterdir())


@pytest.mark.parametrize(
    "argv",
    [["run"], ["run", "missing.yaml"], ["nonsense"], ["show", "--top", "0"], ["show"], ["resume", "zz"], ["best"],
     ["stop"], ["init"], ["init", "nonsense"], ["ui", "--port", "99999"], ["check", "."]],
)  # fmt: skip
def test_wrong_usage_ends_with_2_and_a_reason(
    argv: list[str], empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err) > 10
    assert "Traceback" not in err
    assert not list(empty_folder.iterdir())


def test_flags_become_the_last_overrides() -> None:
    assert as_overrides(trials=8, seed=0, timeout="2h", name='my "sweep": a', max_concurrent=None) == (
        "trials=8",
        "seed=0",
        'timeout="2h"',
        'name="my \\"sweep\\": a"',
    )


def test_flags_beat_overrides_and_overrides_beat_the_file(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    def trials(*more: str) -> int:
        assert main(["run", spec, "--dry-run", "--json", *more]) == 0
        return int(json.loads(capsys.readouterr().out)["trials"])

    assert [trials(), trials("trials=9"), trials("trials=9", "--trials", "7")] == [20, 9, 7]


def test_a_preview_says_trials_rungs_legs_lanes_and_first_configurations(
    spec: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", spec, "max_concurrent=2", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["trials"], plan["rungs"], plan["reaching"], plan["lanes"]) == (20, [1, 3, 9], [20, 6, 2], 2)
    assert (plan["cohort"], plan["train_together"], plan["workers"]) == (2, 2, 2)
    assert plan["legs"] == 10 + 3 + 1
    assert plan["epochs"] == 20 + 6 * 2 + 2 * 6
    assert len(plan["first"]) == 5
    assert all({"lr", "weight_decay", "batch_size"} == set(params) for params in plan["first"])
    assert main(["run", spec, "--dry-run", "max_concurrent=2"]) == 0
    text = capsys.readouterr().out
    assert "20 trials for 1 epoch, the best 6 for 3, the best 2 for 9" in text
    assert text.count("lr=") == 5
    assert main(["run", spec, "--dry-run", "data.split.folds=4"]) == 0
    assert "each in 4 folds" in capsys.readouterr().out
    (rows := empty_folder.parent / f"{empty_folder.name}.csv").write_text("x,y\n1,2\n")
    assert main(["check", spec, f"data={{csv: {rows}, target: y, streaming: true}}"]) == 0
    assert "data        read in every epoch" in capsys.readouterr().out
    assert not list(empty_folder.iterdir())


def test_a_spec_for_a_larger_machine_is_previewed_and_not_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    Path("big.yaml").write_text("workload: cnn\ndata: {name: digits}\nresources: {workers: [2, 4], gpus: 1}\n")
    assert main(["check", "big.yaml"]) == 0
    out = capsys.readouterr().out
    assert "each of 2 to 4 processes (ddp)" in out
    assert "not here: resources.gpus: a trial asks for 2" in out
    assert main(["run", "big.yaml"]) == 2
    assert "a trial asks for 2" in capsys.readouterr().err
    assert not list(Path(".paceline").glob("*/sweep.yaml"))


def test_a_preview_starts_no_ray(spec: str) -> None:
    code, loaded = modules_after("check", spec)
    assert code == 0
    assert not loaded & {"ray", "torch", "mlflow", "pandas", "sklearn"}


def test_a_small_grid_has_as_many_trials_as_points(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    grid = ["method=grid", "parameters={lr: {values: [0.01, 0.1]}, batch_size: {values: [32, 64]}}"]
    assert main(["check", spec, "--json", *grid]) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == 4


def test_the_demo_is_a_good_spec(capsys: pytest.CaptureFixture[str]) -> None:
    from cluster.cli.commands.run import DEMO

    assert main(["check", str(DEMO), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["trials"] == 24
    assert plan["finals"] == 9


def test_the_schema_is_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"workload", "parameters", "metric", "trials"} <= set(schema["properties"])


def test_an_empty_folder_has_no_sweeps(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls"]) == 0
    assert "paceline demo" in capsys.readouterr().out
    assert main(["ls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert not list(empty_folder.iterdir())


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> Iterator[None]:
        raise KeyboardInterrupt

    monkeypatch.setattr("cluster.cli.commands.list._stored", interrupted)
    assert main(["ls"]) == 130
    assert capsys.readouterr().err.strip() == "interrupted"


def test_the_folder_of_the_user_is_searched_last(
    spec: str, empty_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(empty_folder))])
    main(["ls"])
    assert sys.path[-1] == str(empty_folder)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_of_itself_what_the_list_says_of_it(name: str) -> None:
    command = paceline.get_command(click.Context(paceline), name)
    assert command is not None and command.name == name
    assert (command.help or "").split("\n\n")[0] == COMMANDS[name][1]
