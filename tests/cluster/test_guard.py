"""What a process has started ends with it, whatever killed it, and wherever it went."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.helpers.commands import clean_environment
from tests.helpers.orphans import TOKEN, alive, orphans
from tests.helpers.paths import ROOT
from tests.helpers.waiting import wait_until

STARTS = """
import os, signal, subprocess, sys, time
from cluster.guard import guarded

nap = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {nap!r}], env={{}})"
with guarded():
    subprocess.Popen([sys.executable, "-c", nap], start_new_session=True, cwd="/")
    subprocess.Popen([sys.executable, "-c", inner], start_new_session=True)
assert "PACELINE_STARTED_BY" not in os.environ
spared = subprocess.Popen([sys.executable, "-c", nap], env={}, cwd="/")
print(spared.pid, flush=True)
time.sleep(600)
"""


def test_nothing_that_was_started_outlives_a_killed_process(tmp_path: Path) -> None:
    token = secrets.token_hex(8)
    environment = {**clean_environment(), "PYTHONPATH": str(ROOT), TOKEN: token}
    process = subprocess.Popen(
        [sys.executable, "-c", STARTS], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    spared = psutil.Process(int(process.stdout.readline()))
    wait_until(lambda: len(dict(alive(token, tmp_path))) >= 4, "all are there")
    process.kill()
    process.wait()
    assert orphans(token, tmp_path, time.monotonic()) == []
    assert spared.is_running(), "it was started outside of the block"
    spared.kill()
