"""Workers of a Ray of our own are forked from a process with their imports behind it, or start as ever."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster.ray_internals import forked_worker, forkserver
from cluster.ray_internals.job_config import job_config
from tests.helpers.commands import clean_environment
from tests.helpers.paths import ROOT
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: workers are forked nowhere else")

WORDS = ["--language=PYTHON", "--serialized-runtime-env-context={}"]
TELLING = """
import json, os, signal, sys
import numpy
json.dump({
    "argv": sys.argv,
    "folder": os.getcwd(),
    "mark": os.environ.get("MARK"),
    "address": os.environ.get("PACELINE_FORK_SERVER"),
    "imported": "fractions" in sys.modules,
    "read": sys.modules["marked"].MARK if "marked" in sys.modules else None,
    "leads": os.getpgid(0) == os.getpid(),
    "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
    "handler": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
    "oom_score_adj": int(open("/proc/self/oom_score_adj").read()),
    "parent": os.getppid(),
    "drawn": numpy.random.random(),
    "beside": sys.path[0],
}, sys.stdout)
"""
STAYING = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
ON_RAY = """
import json, os, signal, sys, time
from pathlib import Path
import psutil, ray
from cluster.ray_internals.local_ray import local_ray


@ray.remote(num_cpus=1, max_retries=0)
def seen():
    torch = sys.modules.get("torch")
    parent = psutil.Process(os.getppid())
    return {
        "pid": os.getpid(),
        "forked": "cluster.ray_internals.forkserver" in parent.cmdline(),
        "server": parent.pid,
        "torch": torch is not None,
        "drawn": ray.WorkerID.from_random().hex(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "oom_score_adj": int(Path("/proc/self/oom_score_adj").read_text()),
    }


told = []
with local_ray(2, leave=False):
    told.append(ray.get(seen.remote()))
    os.kill(told[0]["pid"], signal.SIGKILL)
    told.append(ray.get(seen.options(max_retries=3).remote()))
    os.kill(told[1]["server"], signal.SIGKILL)
    os.kill(told[1]["pid"], signal.SIGKILL)
    told.append(ray.get(seen.options(max_retries=3).remote()))
print(json.dumps(told))
"""


def _wishing(**context: object) -> list[str]:
    return ["--language=PYTHON", f"--serialized-runtime-env-context={json.dumps(context)}"]


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """Of a server that has next to nothing imported; ``marked`` is in place of what imports Ray."""
    (tmp_path / "marked.py").write_text("import os; MARK = os.environ.get('MARK')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(forkserver, "AHEAD", ("fractions", "no_such_module", "numpy"))
    monkeypatch.setattr(forkserver, "ON_RAY", ("marked",))
    with forkserver.fork_server(leave=False) as found:
        yield found
    with socket.socket(socket.AF_UNIX) as asking, pytest.raises(ConnectionRefusedError):
        asking.connect(forked_worker.abstract(found[forked_worker.ADDRESS]))


def _ask(script: Path, *words: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, forked_worker.__file__, str(script), *words],
        cwd=script.parent,
        env={**clean_environment(), **env},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}),
    )


def _told(asking: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = asking.communicate(timeout=300)
    assert asking.returncode == 0
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_worker_has_what_the_process_that_asked_for_it_has(variables: Mapping[str, str], tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(TELLING)
    first, second = (_told(_ask(script, "--some=word", *WORDS, MARK=mark, **variables)) for mark in ("1", "2"))
    assert first["argv"] == [str(script), "--some=word"]
    assert (first["folder"], first["beside"]) == (str(tmp_path), str(tmp_path))
    assert (first["mark"], second["mark"]) == ("1", "2") and first["address"] is None
    assert (first["imported"], first["leads"], first["handler"]) == (True, True, True)
    assert first["blocked"] == [signal.SIGINT]
    assert first["oom_score_adj"] == int(Path("/proc/self/oom_score_adj").read_text())
    assert first["parent"] == second["parent"] != os.getpid()
    assert first["drawn"] != second["drawn"]
    assert first["read"] == second["read"] == "1", "what is imported last is imported once, for the first"


def test_variables_of_the_spec_are_set_before_anything_is_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "marked.py").write_text("import os; MARK = os.environ.get('MARK')")
    (tmp_path / "worker.py").write_text("import json, marked; print(json.dumps({'mark': marked.MARK}))")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(forkserver, "AHEAD", ("marked",))
    monkeypatch.setattr(forkserver, "ON_RAY", ())
    with forkserver.fork_server(leave=False, env={"MARK": "of the spec"}) as variables:
        told = _told(_ask(tmp_path / "worker.py", *WORDS, **variables))
    assert told == {"mark": "of the spec"}
    assert job_config({"MARK": "x"}).runtime_env["env_vars"] == {"MARK": "x"}, "of workers that are not forked"


@pytest.mark.parametrize("said", [b"", b".{]", b".[]", None])
def test_who_asks_for_nothing_that_can_be_understood_is_passed_over(
    variables: Mapping[str, str], tmp_path: Path, said: bytes | None
) -> None:
    script = tmp_path / "worker.py"
    script.write_text(TELLING)
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(forked_worker.abstract(variables[forked_worker.ADDRESS]))
        if said is not None:  # else it says nothing for as long as it lives
            asking.sendall(said)
            asking.shutdown(socket.SHUT_WR)
        assert _told(_ask(script, *WORDS, **variables))["imported"]
        assert not asking.recv(1)


def test_whoever_asked_ends_with_the_worker_and_no_other_does(variables: Mapping[str, str], tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(STAYING)
    asking = [_ask(script, *WORDS, **variables) for _ in range(2)]
    workers = [int(each.stdout.readline()) for each in asking if each.stdout]
    os.kill(workers[0], signal.SIGKILL)
    assert asking[0].wait(timeout=300) == 0
    wait_until(lambda: not psutil.pid_exists(workers[0]), "the dead worker is reaped")
    assert asking[1].poll() is None and psutil.pid_exists(workers[1])
    os.kill(workers[1], signal.SIGTERM)
    assert asking[1].wait(timeout=300) == 0


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        (WORDS, True),
        (["--language=PYTHON"], True),
        (["--language=JAVA"], False),
        ([], False),
        (_wishing(env_vars={"A": "b"}), False),
        (_wishing(command_prefix=["cd", "/"]), False),
        (_wishing(py_executable="uv run"), False),
        (_wishing(py_executable=sys.executable, env_vars={}), True),
    ],
)
def test_only_plain_python_workers_are_forked(words: list[str], plain: bool) -> None:
    assert forked_worker.is_plain(["default_worker.py", *words]) == plain


@pytest.mark.parametrize("env", [{}, {forked_worker.ADDRESS: "nowhere"}])
def test_without_a_server_it_becomes_what_ray_would_have_started(env: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(TELLING)
    asking = _ask(script, "--some=word", *WORDS, **env)
    told = _told(asking)
    assert told["argv"] == [str(script), "--some=word"] and not told["imported"]


def test_a_ray_of_our_own_has_its_workers_forked_and_does_without_a_server_that_is_gone() -> None:
    script = [sys.executable, "-c", ON_RAY]
    done = subprocess.run(
        script, env={**clean_environment(), "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-4000:]
    first, second, third = json.loads(done.stdout.splitlines()[-1])
    assert first["forked"] and second["forked"] and first["server"] == second["server"]
    assert first["torch"] and second["torch"] and not third["torch"]
    assert first["drawn"] != second["drawn"]
    assert first["threads"] == "1" and not third["forked"]
    assert first["oom_score_adj"] == third["oom_score_adj"] > 0
    assert not psutil.pid_exists(first["server"])
