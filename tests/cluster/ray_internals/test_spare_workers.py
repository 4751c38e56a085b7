"""A worker that has died is followed by a process that was waiting with its imports behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.ray_internals import spare_workers
from tests.helpers.commands import clean_environment
from tests.helpers.paths import ROOT

SCRIPT = """
import json, os, sys, time
import psutil, ray
from cluster.ray_internals import spare_workers as spares

ray.init(address="local", num_cpus=1, include_dashboard=False, logging_level="ERROR", log_to_driver=False)


class Worker:
    def __init__(self):
        self.imported = "torch._dynamo" in sys.modules and "workloads.legs.runner" in sys.modules

    def seen(self):
        return {"pid": os.getpid(), "born": psutil.Process().create_time(), "imported": self.imported}

    def order(self):
        spares._order(1, None)
        here = ray.get_runtime_context().get_node_id()
        return spares._num_spares(here), spares._further({"CPU": 0.5})


Worker = ray.remote(num_cpus=1, runtime_env=spares.environment(["workloads.legs.runner"]))(Worker)


def waiting():
    found = set()
    for process in psutil.Process().children(recursive=True):
        try:
            if "IDLE" in " ".join(process.cmdline()):
                found.add(process.pid)
        except psutil.Error:
            pass
    return found


told = []
worker = Worker.remote()
for _ in range(int(sys.argv[1])):
    told.append(ray.get(worker.seen.remote()))
    before = waiting()
    told[-1]["ordered"] = ray.get(worker.order.remote())
    deadline = time.monotonic() + 60
    while not waiting() - before:
        assert time.monotonic() < deadline, "no spare"
        time.sleep(0.2)
    time.sleep(1)
    ray.kill(worker)
    told[-1]["died"] = time.time()
    worker = Worker.remote()
told.append(ray.get(worker.seen.remote()))
print(json.dumps(told))
"""


@pytest.mark.soak
def test_a_spare_takes_the_place_of_a_worker_again_and_again() -> None:
    environment = {**clean_environment(), "PYTHONPATH": str(ROOT), "RAY_num_workers_soft_limit": "32"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "5"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, *others = json.loads(done.stdout.splitlines()[-1])
    assert first["imported"], "the first one, too, imports before it is ready"
    for before, after in zip([first, *others], others, strict=False):
        assert before["ordered"][0] == 1
        assert before["ordered"][1] is None, "the only node has its spare"
        assert after["pid"] != before["pid"] and after["imported"]
        assert after["born"] < before["died"], "it was there when the other one died"


def test_a_python_that_is_not_there_is_passed_over() -> None:
    """The command goes through a shell, on whatever node."""
    command = spare_workers.environment(["json"])["py_executable"].replace(sys.executable, "/nowhere/python")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    said = subprocess.run(
        ["bash", "-c", f"exec {command} -c 'print(1 + 1)'"], env={**os.environ, "PATH": path}, capture_output=True
    )
    assert said.stdout == b"2\n", said.stderr


def test_what_cannot_be_imported_does_not_keep_a_worker_from_starting(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys; print(sys.argv[1:], sys.path[0], 'json' in sys.modules)")
    said = subprocess.run(
        [sys.executable, "-m", "cluster.ray_internals.warm_worker", "no.such.module,json", str(script), "--a", "b"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert said.stdout.strip() == f"['--a', 'b'] {tmp_path} True", said.stderr
