"""Sweeps in the kernel of a notebook: interrupts, a Ray of its own, and sweeps after them."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

import psutil
import pytest

from tests.cluster.python.test_real_sweeps import SCRIPT, drivers, environment
from tests.helpers.ports import free_ports

CELL = SCRIPT.replace("PAUSE = float(sys.argv[1])", "PAUSE = 0.3")


class Kernel:
    """A notebook's kernel; cells run one after the other."""

    def __init__(self, manager: Any, client: Any) -> None:
        self._manager, self._client = manager, client
        self.process = psutil.Process(manager.provisioner.pid)

    def run(self, code: str, interrupt_when: Callable[[], bool] = bool) -> str:
        """Run a cell to its end, interrupted once that is so, and return what it printed or raised."""
        said, message, waiting = [], self._client.execute(code), interrupt_when is not bool
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline:
            if waiting and interrupt_when():
                self._manager.interrupt_kernel()
                waiting = False
            try:
                found = self._client.get_iopub_msg(timeout=0.2)
            except Empty:
                continue
            if found["parent_header"].get("msg_id") != message:  # what a thread shows has none of its cell's
                continue
            said += [str(found["content"][key]) for key in ("text", "ename") if key in found["content"]]
            if found["content"].get("execution_state") == "idle":
                assert not waiting, said
                return "".join(said)
        raise TimeoutError("".join(said))


@contextmanager
def kernel(folder: Path) -> Iterator[Kernel]:
    from jupyter_client.manager import KernelManager

    manager = KernelManager()
    manager.start_kernel(cwd=str(folder), env=environment())
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=100)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def one_more_searches(folder: Path) -> Callable[[], bool]:
    """Return a function that says whether one more sweep of the folder than now has begun to train."""

    def count() -> int:
        return sum("search:" in log.read_text() for log in folder.glob(".paceline/*/python.log"))

    before = count()
    return lambda: count() > before


def states(folder: Path) -> set[str]:
    """States of the folder's runs in MLflow."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        return {state for (state,) in db.execute("SELECT status FROM runs")}


def wait_for(is_so: Any) -> None:
    deadline = time.monotonic() + 60
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert is_so()


@pytest.mark.soak
def test_an_interrupt_stops_the_sweep_of_a_cell_and_the_kernel_goes_on(tmp_path: Path) -> None:
    with kernel(tmp_path) as notebook:
        own = {process.pid for process in notebook.process.children(recursive=True)}

        def is_over() -> bool:
            left = {process.pid for process in notebook.process.children(recursive=True)} - own
            return not left and not drivers(tmp_path) and "RUNNING" not in states(tmp_path)

        notebook.run(CELL)
        notebook.run("result = paceline.run(SPEC, trials=4, epochs=6)", one_more_searches(tmp_path))
        assert notebook.run("print(result.state, result.name)").split() == ["stopped", "train"]
        wait_for(is_over)
        again = notebook.run("again = paceline.run(SPEC, trials=1, epochs=1)\nprint(again.state)")
        assert "finished" in again
        more = notebook.run("more = paceline.load(result.id).resume()\nprint(more.state, len(more.trials))")
        assert more.split()[-2:] == ["finished", "4"]
        wait_for(is_over)
        ended = notebook.run("await (later := paceline.start(SPEC, trials=9))", one_more_searches(tmp_path))
        assert "CancelledError" in ended or "KeyboardInterrupt" in ended
        assert "stopped" in notebook.run("print(later.result(60).state)")
        waits = (
            "import asyncio\nlater = paceline.start(SPEC, trials=2)\ntry:\n    await asyncio.wait_for(later, 1)\n"
        )
        assert "waited" in notebook.run(f"{waits}except TimeoutError:\n    print('waited', later.done)")
        assert "finished 2" in notebook.run("r = await later\nprint(r.state, len(r.trials))")
        wait_for(is_over)


@pytest.mark.soak
def test_a_ray_that_the_user_has_started_is_neither_joined_nor_ended(tmp_path: Path) -> None:
    with kernel(tmp_path) as notebook:
        notebook.run("import ray\nray.init(num_cpus=1, include_dashboard=False)")
        notebook.run("import os\nos.environ['RAY_ADDRESS'] = ray.get_runtime_context().gcs_address")
        notebook.run(CELL)
        assert "finished" in notebook.run("print(paceline.run(SPEC, trials=2, epochs=1).state)")
        jobs = "ray._private.worker.global_worker.gcs_client.get_all_job_info()"
        after = notebook.run(f"print(ray.is_initialized(), ray.get(ray.remote(lambda: 7).remote()), len({jobs}))")
        assert after.split()[-3:] == ["True", "7", "1"], "it runs on, with no job but the notebook's own"
        assert drivers(tmp_path) == []


@pytest.mark.soak
def test_a_cluster_of_this_machine_is_left_alone(tmp_path: Path) -> None:
    """Also where RAY_ADDRESS names it: `paceline.submit(on=...)` is the way to it."""
    command = [sys.executable, "-m", "ray.scripts.scripts"]
    [port] = free_ports(1)
    folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    start = [*command, "start", "--head", f"--port={port}", "--num-cpus=1", "--include-dashboard=false"]
    env = {**environment(), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "c" * 64}
    subprocess.run([*start, f"--temp-dir={folder}"], check=True, env=env, capture_output=True)
    try:
        (tmp_path / "script.py").write_text(f"{CELL}\nprint(paceline.run(SPEC, trials=2, epochs=1).state)")
        script = [sys.executable, "script.py"]
        env |= {"RAY_ADDRESS": f"127.0.0.1:{port}"}
        done = subprocess.run(script, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=200)
        assert "finished" in done.stdout, done.stderr
        jobs = "ray._private.worker.global_worker.gcs_client.get_all_job_info()"
        asked = f"import ray; ray.init('127.0.0.1:{port}', log_to_driver=False); print('JOBS', len({jobs}))"
        told = subprocess.run([sys.executable, "-c", asked], env=env, capture_output=True, text=True, timeout=100)
        assert "JOBS 1\n" in told.stdout, f"it runs on, with no job but this look: {told}"
    finally:
        for process in psutil.process_iter(["cmdline"]):
            if str(folder) in str(process.info["cmdline"]):
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)
