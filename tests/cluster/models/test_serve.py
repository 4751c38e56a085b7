"""From a finished sweep to a served prediction in two commands, the second being the line that the first prints."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

from tests.helpers.ports import free_ports
from tests.helpers.sweep_here import Here
from tests.helpers.waiting import wait_until


def test_the_printed_line_gets_a_prediction_and_an_interrupt_ends_the_server(patients: Here) -> None:
    [port] = free_ports(1)
    with (patients.path / "said.txt").open("w") as out:
        serving = patients.start("serve", "--port", str(port), out=out)
    try:
        text = patients.path / "said.txt"
        wait_until(lambda: serving.poll() is not None or "Ctrl-C" in text.read_text(), "the server answers")
        [line] = [line for line in text.read_text().splitlines() if line.startswith("curl ")]
        answer = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60, check=True).stdout
        [found] = json.loads(answer)["predictions"]
        assert found["prediction"] in ("ill", "well")
        assert abs(found["ill"] + found["well"] - 1) < 1e-6
    finally:
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(60) == 0
    asked = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/ping', timeout=5)"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, check=False).returncode != 0
