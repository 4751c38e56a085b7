"""Sweeps from Python as users have them: processes of their own, signals, scripts without a guard, a notebook."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.helpers.paths import ROOT

NOTEBOOK = ROOT / "workloads" / "examples" / "notebook.ipynb"
SCRIPT = """
import sys
import paceline
SPEC = {"parameters": {"lr": {"min": 0.01, "max": 0.2}}, "metric": {"name": "val_score", "goal": "maximize"}}
STEP = 1.0
def train(run, *, lr: float = 0.1):
    import time
    at = float((run.folder / "at").read_text()) if run.folder else 0.0
    for epoch in range(run.epoch, run.num_epochs):
        time.sleep(PAUSE)
        at += lr * STEP
        run.report(lambda folder: (folder / "at").write_text(str(at)), val_score=at)
PAUSE = float(sys.argv[1])
SPEC = {**SPEC, "workload": train, "final": "none", "max_concurrent": 1, "epochs": 5}
"""


def script(folder: Path, text: str) -> list[str]:
    (folder / "script.py").write_text(SCRIPT + text)
    return [sys.executable, "script.py"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def drivers(folder: Path) -> list[psutil.Process]:
    """The processes that drive sweeps of the folder."""
    lines = ((process, " ".join(process.info["cmdline"] or [])) for process in psutil.process_iter(["cmdline"]))
    return [process for process, line in lines if "cluster.python.driving" in line and str(folder) in line]


@pytest.mark.soak
def test_a_script_without_a_guard_runs_sweeps_one_after_the_other_and_at_once(tmp_path: Path) -> None:
    text = """
one = paceline.run(SPEC, trials=3, progress="lines")
two, three = [paceline.start(SPEC, trials=2) for _ in range(2)]
more = one.resume(trials="+1", progress="quiet")
print("RESULT", [len(r.trials) for r in (one, two.result(), three.result(), more)], len({one.id, two.id, three.id}))
"""
    done = subprocess.run(
        [*script(tmp_path, text), "0"], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "RESULT [4, 2, 2, 4] 3" in done.stdout, done.stdout
    assert re.search(r"^t000 done 5/5 epochs val_score ", done.stdout, re.M) and "RESULT" in done.stdout
    assert drivers(tmp_path) == []


@pytest.mark.soak
@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_stops_the_sweep_and_returns_its_result(tmp_path: Path, times: int) -> None:
    text = """
result = paceline.run(SPEC, trials=50, progress="lines")
print("RESULT", result.state, flush=True)
print("AGAIN", paceline.run({**SPEC, "trials": 1, "epochs": 1}, progress="quiet").state)
"""
    running = subprocess.Popen(
        [*script(tmp_path, text), "0.5"], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("t000 "):
            break
    for _ in range(times):
        running.send_signal(signal.SIGINT)
        time.sleep(0.2)
    told = running.communicate(timeout=200)[0]
    assert "RESULT stopped" in told and "AGAIN finished" in told, told
    assert drivers(tmp_path) == []


@pytest.mark.soak
def test_a_sweep_stops_when_its_script_is_killed_and_another_process_goes_on(tmp_path: Path) -> None:
    running = subprocess.Popen(
        [*script(tmp_path, 'paceline.run(SPEC, trials=6, progress="lines")'), "0.3"],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("t000 "):
            break
    running.kill()
    running.wait()
    deadline = time.monotonic() + 60
    while drivers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert drivers(tmp_path) == []
    command = [sys.executable, "-m", "cluster.cli"]
    state = subprocess.run([*command, "show", "--json"], cwd=tmp_path, env=environment(), capture_output=True)
    assert json.loads(state.stdout)["state"] == "stopped"
    done = subprocess.run(
        [*command, "resume", "-q"], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0 and "finished: 6 trials" in done.stdout, done.stderr


@pytest.mark.soak
def test_the_notebook_runs_and_each_sweep_shows_one_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbclient
    import nbformat

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        views = [output for output in cell.outputs if output.output_type == "display_data"]
        num_sweeps = len(re.findall(r"paceline\.(?:run|start)\(|\.resume\(", cell.source))
        printed = [output for output in cell.outputs if output.output_type == "stream"]
        assert not printed or "print(" in cell.source, printed
        assert len(views) == num_sweeps, cell.source
        assert all("finished" in view.data["text/html"] or "<table" in view.data["text/html"] for view in views)


@pytest.mark.soak
def test_a_submitted_sweep_outlives_its_script(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SCRIPT.replace("PAUSE = float(sys.argv[1])", "PAUSE = 0.2"))
    (tmp_path / "submits.py").write_text(
        "import paceline, mine\n"
        "job = paceline.submit(mine.SPEC, trials=3, on='local')\n"
        "print(job.id, job.status().state, paceline.job(job.id).target)\n"
    )
    done = subprocess.run(
        [sys.executable, "submits.py"], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    code = (
        "import paceline; job = paceline.job()\n"
        "print(job.wait(200).state, len(job.result().trials), len(list(job.logs())) > 3)"
    )
    waited = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=250
    )
    assert waited.stdout.split() == ["finished", "3", "True"], waited.stderr
