"""Users' functions that misbehave, in one sweep: each is told in a sentence, nothing stays, the others go on."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.helpers.commands import Folder
from tests.helpers.misbehaving_functions import ASLEEP, MISBEHAVIOURS

SPEC = f"""\
name: misbehaving
workload: tests.helpers.misbehaving_functions:train
data: {{name: digits}}
metric: {{name: val_accuracy}}
method: grid
parameters:
  what: {{values: {list(MISBEHAVIOURS)}}}
trials: {len(MISBEHAVIOURS)}
epochs: 3
early_terminate: none
max_concurrent: 2
max_retries: 0
max_failed_trials: {len(MISBEHAVIOURS)}
trial_timeout: 20s
final: none
"""
SAID = {
    "sys.exit": "SystemExit: no data (sys.exit was called: return, or raise an error that says why)",
    "os._exit": "worker process died: it ended with exit code 7",
    "segmentation fault": "worker process died: it ended with SIGSEGV",
    "endless print": "timed out: ",
    "hang": "timed out: ",
    "closure": "Can't pickle",
    "import": "ModuleNotFoundError: No module named 'a_module_of_another_machine'",
    "not ASCII": r"ValueError: größer als ✓ \udce9 \x1b[2J",
    "KeyboardInterrupt": "KeyboardInterrupt (it was raised by this code: nobody has pressed Ctrl-C)",
    "signal handler": "ValueError: signal only works in main thread of the main interpreter",
}
"""The sentence in which each failure is told; all others train to their end."""


@pytest.mark.soak  # processes die in it; what is told of errors: tests/workloads/models/test_users_traceback.py
def test_each_is_told_in_a_sentence_and_nothing_of_it_stays(tmp_path: Path) -> None:
    here = Folder(tmp_path)
    here.write(SPEC)
    found = here.document("run", "sweep.yaml")
    trials = {trial["params"]["what"]: trial for trial in found["trials"]}
    assert trials.keys() == MISBEHAVIOURS.keys()
    told = {what: trial["error"] or "" for what, trial in trials.items() if trial["state"] == "failed"}
    assert told.keys() == SAID.keys()
    assert {what: line for what, line in told.items() if SAID[what] not in line} == {}
    for what in SAID.keys() - {"endless print", "segmentation fault"}:
        failure = trials[what]["failure"]
        assert failure["output"].splitlines() == [f"epoch 0 of {what}", f"epoch 1 of {what}"]
        assert "lane.py" not in failure["text"]
        assert ("misbehaving_functions.py" in failure["text"]) == (failure["kind"] == "raised")
    assert trials["numpy"]["best_value"] == trials["torch"]["best_value"] == 0.5
    assert len([p for p in psutil.process_iter(["cmdline"]) if ASLEEP in (p.info["cmdline"] or ())]) == 0
    assert max(path.stat().st_size for path in tmp_path.glob(".paceline/*/logs/*")) < 11 * 2**20
    assert here.paceline("logs", "last", str(trials["sys.exit"]["number"])).stdout.endswith(f"{SAID['sys.exit']}\n")
