"""MLflow's server goes away in the middle of a sweep and comes back: every metric is there, once, in order."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.helpers.commands import Folder, agree
from tests.helpers.soak import OUTAGE_S
from tests.helpers.waiting import PATIENCE_S
from tracking.store.open import open_store
from tracking.ui import server as ui

pytestmark = pytest.mark.slow

NAP_S = max(0.05, OUTAGE_S / 160)
"""So that there is still something to train when the server comes back: 48 epochs a lane, some four passes each."""
SPEC = f"""
name: outage
workload: tests.helpers.misbehaving_workload:CHAOS
data: {{name: wine}}
epochs: 12
trials: 8
early_terminate: none
final: none
parameters:
  lr: {{min: 1e-3, max: 3e-2, log: true}}
  nap_s: {NAP_S}
"""


@pytest.mark.soak  # in the short form the writer has an outage in mid-sweep, without a driver
def test_an_outage_of_the_server_loses_and_doubles_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(SPEC)
    store = f"sqlite:///{tmp_path}/mlflow.db"
    open_store(store)
    server = ui.serve(store, 5123, tmp_path / "server.log")
    port = int(server.url.rsplit(":", 1)[1])
    driver = folder.start("run", "sweep.yaml", "--json", MLFLOW_TRACKING_URI=server.url)
    try:
        wait_for_metrics(folder, driver)
        server.kill()
        time.sleep(OUTAGE_S)
        server = ui.serve(store, port, tmp_path / "server2.log")
        out, err = driver.communicate(timeout=120)
    finally:
        driver.kill()
        server.stop()
    assert driver.returncode == 0, out + err
    assert "is away" in err
    agree(folder, folder.document("show"), 8)


def wait_for_metrics(folder: Folder, driver: subprocess.Popen[str]) -> None:
    """Until the server has stored something of a trial."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and driver.poll() is None:
        runs = folder.runs("trial")
        if any(folder.steps(run["run_id"], "val_accuracy") for run in runs.values()):
            return
        time.sleep(0.2)
    driver.send_signal(signal.SIGTERM)
    out, err = driver.communicate(timeout=PATIENCE_S)
    raise AssertionError(f"no trial arrived in MLflow; the driver said ({driver.returncode})\n{out}\n{err}")
