"""A server of Ray's that ends under a sweep is noticed at once, and told with how it ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from cluster.ray_internals import watched_ray
from cluster.ray_internals.watched_ray import RayLost, watched
from tests.helpers.commands import Folder
from tests.helpers.waiting import PATIENCE_S, wait_until

SPEC = """
name: lost
workload: mlp
data: {name: digits}
trials: 2
epochs: 3000
early_terminate: none
parameters: {lr: {min: 1e-3, max: 1e-1, log: true}}
max_concurrent: 1
final: none
"""


@pytest.mark.parametrize("code", [0, -signal.SIGKILL])
def test_the_main_thread_hears_of_it_and_else_the_process_is_left(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_ray, "LEAVE_S", 0.0)
    program = tmp_path / "gcs_server"
    shutil.copy(shutil.which("sleep") or "", program)
    told: list[str] = []
    server = subprocess.Popen([program, "0.2" if code == 0 else "60"])
    with pytest.raises(RayLost) as lost, watched(told.append):
        if code:
            server.kill()
        time.sleep(PATIENCE_S)
    how = "SIGKILL" if code else "exit code 0"
    assert str(lost.value) == f"gcs_server, a server of Ray's on this machine, ended with {how}"
    wait_until(lambda: told == [str(lost.value)], "the process is left")
    assert server.wait() == code


def test_the_same_signal_of_another_process_is_none_of_ours() -> None:
    with watched(pytest.fail):
        os.kill(os.getpid(), watched_ray.TELL)
        time.sleep(0.01)


@pytest.mark.soak
@pytest.mark.parametrize("name", watched_ray.SERVERS)
def test_a_sweep_that_loses_its_ray_ends_with_a_sentence_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    folder = Folder(tmp_path)
    folder.write(SPEC)
    sweep = folder.start("run", "sweep.yaml")
    driver = psutil.Process(sweep.pid)
    wait_until(lambda: any((tmp_path / ".paceline").glob("*/checkpoints/*/*")), "a checkpoint", 1.0)
    below = driver.children(recursive=True)
    [server] = [child for child in below if child.name() == name]
    os.kill(server.pid, signal.SIGKILL)
    begun = time.monotonic()
    out, err = sweep.communicate(timeout=60)
    assert time.monotonic() - begun < 10 and sweep.returncode == 1
    assert f"{name}, a server of Ray's on this machine, ended with SIGKILL; `paceline resume " in out + (err or "")
    _, alive = psutil.wait_procs(below, 10)
    assert not alive
