"""A Ray of our own is for its user alone: where it listens, what it asks for, and who reaches its files."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cluster.ray_internals import private_ray
from search_spaces.types.driver_errors import NoRay
from tests.helpers.listening import LOOPBACK, commands, listening
from tests.helpers.paths import ROOT
from tests.helpers.sweep_here import OneRay

STRANGER = """
import json, os, socket, sys
import grpc

gcs, own_pid, folder, sockets = sys.argv[1:]
channel = grpc.insecure_channel(gcs)  # connects at its first use
os.setgroups([]), os.setgid(65534), os.setuid(65534)
said = {}
try:
    channel.unary_unary("/ray.rpc.InternalKVGcsService/InternalKVKeys")(b"", timeout=10)
    said["gcs"] = "answers"
except grpc.RpcError as error:
    said["gcs"] = error.code().name
for name, attempt in {
    "token": lambda: open(f"/proc/{own_pid}/environ").read(),
    "folder": lambda: os.listdir(folder),
    "socket": lambda: socket.socket(socket.AF_UNIX).connect(os.path.join(sockets, "raylet")),
}.items():
    try:
        attempt()
        said[name] = "open"
    except OSError as error:
        said[name] = type(error).__name__
print(json.dumps(said))
"""


def test_nobody_else_reaches_a_ray_of_our_own() -> None:
    OneRay.started()
    import ray

    heard, family = listening(), commands()
    gcs = next(process for process, (program, *_) in family.items() if Path(program).name == "gcs_server")
    port = next(port for name, _, port in heard if name == "gcs_server")
    assert {"gcs_server", "raylet", psutil.Process().name()} <= {name for name, _, _ in heard}
    assert {ip for _, ip, _ in heard} <= LOOPBACK
    with socket.socket() as asked:
        assert asked.connect_ex((_other_address(), port)) != 0, "the network's address answers"

    token = gcs.environ()[private_ray.TOKEN]
    assert len(token) == 64 and token not in os.environ.values()
    assert not any(token in word for words in family.values() for word in words)
    session = Path(next(w.partition("=")[2] for w in family[gcs] if w.startswith("--session-dir=")))
    folder = private_ray.sessions().parent
    assert session.is_relative_to(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert ray.get_runtime_context().gcs_address == f"127.0.0.1:{port}"

    if os.getuid() != 0:
        pytest.skip("only root can be another user: where Ray listens was looked at, who reaches it was not")
    words = [f"127.0.0.1:{port}", str(gcs.pid), str(folder), str(session / "sockets")]
    done = subprocess.run([sys.executable, "-c", STRANGER, *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "gcs": "UNAUTHENTICATED",
        "token": "PermissionError",
        "folder": "PermissionError",
        "socket": "PermissionError",
    }


def _other_address() -> str:
    """Return an address of this machine in its network, or one of the loopback network where it has none."""
    found = (at.address for name in psutil.net_if_addrs().values() for at in name if at.family == socket.AF_INET)
    return next((address for address in found if not address.startswith("127.")), "127.0.0.2")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_sessions_are_in_a_closed_folder_which_nobody_else_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(private_ray.FOLDER, str(tmp_path))
    monkeypatch.setattr(private_ray, "LONGEST", 1000)
    folder = private_ray.sessions().parent
    assert folder.parent == tmp_path and mode(folder) == 0o700
    folder.chmod(0o755)
    assert private_ray.sessions().parent == folder and mode(folder) == 0o700
    folder.rename(tmp_path / "other")
    folder.symlink_to(tmp_path / "other")  # as somebody else may make it, in a folder that all may write to
    folder.with_name(f"{folder.name}-1").touch()
    ours = {private_ray.sessions().parent for _ in range(3)}
    assert ours == {folder.with_name(f"{folder.name}-2")} and mode(*ours) == 0o700
    assert len(list(tmp_path.iterdir())) == 4, "one more folder with each start"
    monkeypatch.setattr(private_ray, "NUM_TAKEN", 2)
    with pytest.raises(NoRay, match=r"paceline-\d+: is of another user, .*: set RAY_TMPDIR"):
        private_ray.sessions()


@pytest.mark.parametrize("variable", ["RAY_TMPDIR", "TMPDIR"])
@pytest.mark.parametrize("name", ["long" * 30, "caf\u00e9's folder"])
def test_a_folder_whose_path_ray_cannot_use_is_reached_by_a_link(
    variable: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / name
    (tmp_path / "file").touch()
    monkeypatch.delenv(private_ray.FOLDER, raising=False)
    monkeypatch.setattr(private_ray.tempfile, "gettempdir", lambda: str(given))
    if variable == "RAY_TMPDIR":
        monkeypatch.setenv(private_ray.FOLDER, str(given))
    monkeypatch.setattr(private_ray, "LONGEST", len(str(tmp_path)) + 100)
    monkeypatch.setattr(private_ray, "SHORT", (str(tmp_path / "file"), str(tmp_path / "s")))
    (found,) = {private_ray.sessions() for _ in range(2)}
    link = found.parent
    assert link.parent.parent == tmp_path / "s" and link.resolve() == given / link.parent.name
    assert (mode(link), mode(link.parent)) == (0o700, 0o700)
    assert (
        len(str(found / "session_2026-11-30_02-40-52_439910_4194304/sockets/plasma_store")) <= private_ray.LONGEST
    )
    monkeypatch.setattr(private_ray, "SHORT", (str(tmp_path / "file"),))
    with pytest.raises(NoRay, match=r"would have a path of \d+ bytes.* set RAY_TMPDIR to a folder"):
        private_ray.sessions()


def test_a_folder_for_sessions_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(private_ray.FOLDER, str(tmp_path / "file"))
    with pytest.raises(NoRay, match="Not a directory: set RAY_TMPDIR"):
        private_ray.sessions()


def test_its_processes_find_the_user_s_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(private_ray, "forget_token", lambda: None)  # that of the Ray of this process
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with private_ray.private_ray():
        assert os.environ["PYTHONPATH"].split(os.pathsep)[-1] == str(tmp_path)


def test_the_user_s_token_and_mode_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_ray, "forget_token", lambda: None)  # that of the Ray of this process
    monkeypatch.setenv(private_ray.MODE, "disabled")
    monkeypatch.setenv(private_ray.TOKEN, "the cluster's")
    seen = set()
    for _ in range(2):
        with private_ray.private_ray():
            assert private_ray.MODE not in os.environ
            seen.add(os.environ[private_ray.TOKEN])
    assert len(seen) == 2 and "the cluster's" not in seen
    assert (os.environ[private_ray.MODE], os.environ[private_ray.TOKEN]) == ("disabled", "the cluster's")
