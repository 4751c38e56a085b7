"""A small sweep under odd variables, limits and file systems: it runs, or a sentence names what is to be changed.

What needs other mounts or another user is tried in a mount namespace, which only root can have.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from search_spaces.types.plain import VARIABLE
from tests.helpers.commands import clean_environment
from tests.helpers.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(300)]

SPEC = """
workload: mlp
name: größe
data: {name: wine}
epochs: 2
trials: 2
early_terminate: none
parameters: {lr: {min: 1e-3, max: 3e-2, log: true}, width: 8, depth: 1}
final: {top: 1, seeds: 2}
"""
PROXY = "http://127.0.0.1:9"
READ_ONLY_ROOT = """mkdir root; mount --bind / root; mount -o remount,ro,bind root; mount --rbind /dev root/dev
mount -t proc proc root/proc; mount -t tmpfs tmpfs root/media
exec chroot root bash -c "cd $PWD; exec \\"\\$@\\"" x "$@"
"""
OTHER_USER = 'exec setpriv --reuid 61234 --regid 61234 --clear-groups "$@"'


@dataclass(frozen=True)
class Row:
    """What surrounds a sweep; ``mounts`` are commands in a mount namespace, before those of ``shell``."""

    code: int = 0
    said: str = "finished: 2 trials"
    env: dict[str, str | None] = field(default_factory=dict)
    shell: str = ""
    mounts: str | None = None
    as_other: bool = False
    port: int | None = None


ROWS = {
    "TMPDIR of 133 characters": Row(env={"TMPDIR": "{folder}/" + "x" * 110}),
    "no HOME": Row(env={"HOME": None}),
    "no HOME and no known user": Row(2, "HOME: not set", {"HOME": None}, as_other=True),
    "a HOME that cannot be written": Row(env={"HOME": "/proc"}),
    "a HOME of another user": Row(env={"HOME": "/root"}, as_other=True),
    "no locale": Row(env={"LC_ALL": "C", "LANG": None, "LC_CTYPE": None, "PYTHONIOENCODING": None}),
    "a read-only folder": Row(
        1, "set PACELINE_HOME", mounts="mount --bind . .; mount -o remount,ro,bind .; cd $PWD"
    ),
    "a read-only folder but for the home": Row(
        2,
        "set MLFLOW_TRACKING_URI",
        {"PACELINE_HOME": "/dev/shm/paceline-test"},
        mounts="mount -t tmpfs tmpfs /dev/shm; mount --bind . .; mount -o remount,ro,bind .; cd $PWD",
    ),
    "a read-only root": Row(1, "set PACELINE_HOME", shell=READ_ONLY_ROOT, mounts=""),
    "a read-only root, and no TMPDIR": Row(
        2,
        "TMPDIR: ",
        {"PACELINE_HOME": "/media/h", "MLFLOW_TRACKING_URI": "sqlite:////media/m/mlflow.db", "TMPDIR": None},
        shell=READ_ONLY_ROOT,
        mounts="",
    ),
    "a read-only root with a place for everything": Row(
        env={
            "PACELINE_HOME": "/media/h",
            "MLFLOW_TRACKING_URI": "sqlite:////media/m/mlflow.db",
            "TMPDIR": "/media",
        },
        shell=READ_ONLY_ROOT,
        mounts="",
    ),
    "/dev/shm of 64 MiB": Row(mounts="mount -t tmpfs -o size=64m tmpfs /dev/shm"),
    "256 open files": Row(shell="ulimit -n 256"),
    "50 open files": Row(2, "`ulimit -n`", shell="ulimit -n 50"),
    "200 processes and threads": Row(env={"HOME": "{folder}"}, shell="ulimit -u 200", as_other=True),
    "100 processes and threads": Row(2, "`ulimit -u`", {"HOME": "{folder}"}, "ulimit -u 100", as_other=True),
    "proxies": Row(
        env=dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "grpc_proxy"), PROXY)
    ),
    "the port of Ray's agent taken": Row(env={VARIABLE: "1"}, port=52365),
    "the port of MLflow's pages taken": Row(port=5000),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder that every user of the machine reaches."""
    place = Path(tempfile.mkdtemp(prefix="odd-", dir="/tmp"))
    place.chmod(0o777)
    (place / ("x" * 110)).mkdir()
    (place / "work").mkdir()
    (place / "work").chmod(0o777)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize("name", ROWS)
def test_a_sweep_runs_or_says_what_to_change(name: str, folder: Path) -> None:
    row = ROWS[name]
    work = folder / "work"
    (work / "sweep.yaml").write_text(SPEC, encoding="utf-8")
    env = {**clean_environment(), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for variable, value in row.env.items():
        env.pop(variable, None)
        env |= {} if value is None else {variable: value.format(folder=folder)}
    command = [*_wrapper(row, folder), sys.executable, "-m", "cluster.cli", "run", "sweep.yaml"]
    with ExitStack() as held:
        if row.port is not None:
            taken = held.enter_context(socket.socket())
            taken.bind(("127.0.0.1", row.port))
            taken.listen()
        done = subprocess.run(command, cwd=work, env=env, capture_output=True, timeout=240)
    told = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == row.code, told
    assert row.said in told and "Traceback" not in told, told
    if row.code:
        assert len([line for line in told.splitlines() if not line.startswith("sweep ")]) == 1, told


def _wrapper(row: Row, folder: Path) -> list[str]:
    """Return the command in which the sweep's is to run."""
    if row.mounts is None and not row.as_other:
        return ["bash", "-c", f'{row.shell or ":"}; exec "$@"', "x"]
    if os.getuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        pytest.skip("only root can mount file systems and be another user")
    steps = ["set -e", row.mounts or ":"]
    if row.as_other:
        steps += [*_opened(folder), row.shell or ":", OTHER_USER]
    else:
        steps += [row.shell or ":", 'exec "$@"']
    return ["unshare", "-m", "bash", "-c", "\n".join(steps), "x"]


def _opened(folder: Path) -> list[str]:
    """Return commands that let everyone reach this Python where it is in somebody's closed folder."""
    place = Path(sys.base_prefix)
    closed = next((parent for parent in reversed(place.parents) if not parent.stat().st_mode & 0o001), None)
    if any(not parent.stat().st_mode & 0o001 for parent in (*ROOT.parents, *Path(sys.prefix).parents)):
        pytest.skip("other users cannot reach this repository")
    if closed is None:
        return []
    kept, python, shut = (shlex.quote(str(path)) for path in (folder / "python", place, closed))
    return [
        f"mkdir {kept}; mount --bind {python} {kept}; mount -t tmpfs -o mode=755 tmpfs {shut}",
        f"mkdir -p {python}; mount --bind {kept} {python}",
    ]
