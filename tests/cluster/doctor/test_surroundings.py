"""Variables, folders and limits: what a sweep cannot run with is one sentence that names it and the way out."""

from __future__ import annotations

import errno
import os
import pwd
import resource
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Any

import pytest
import requests

from cluster import job, pre_stop
from cluster.cli.main import main
from cluster.doctor import surroundings
from cluster.doctor.machine import Check
from cluster.doctor.proxies import EXEMPT, PROXIES, reach_this_machine_directly
from cluster.doctor.surroundings import Unfit, refuse_surroundings, sentence
from cluster.sweep.home import root
from search_spaces.types.files import control_group
from tests.helpers.paths import ROOT

SPEC = "workload: softmax\ndata: {name: wine}\nparameters: {lr: {min: 0.001, max: 0.1}}\ntrials: 2\n"


def only(name: str, num_lanes: int = 1) -> Check:
    [check] = [check for check in surroundings.surroundings(num_lanes) if check.name == name]
    return check


def limited(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    monkeypatch.setattr(surroundings, "_limit", limits.get)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def test_this_process_is_fit() -> None:
    refuse_surroundings(1)


def test_every_fault_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setenv("RAY_TMPDIR", __file__)
    limited(monkeypatch, RLIMIT_NPROC=0, RLIMIT_NOFILE=60)
    with pytest.raises(Unfit) as refused:
        refuse_surroundings(2)
    home, temporary, tasks, files = str(refused.value).splitlines()
    assert home.startswith("HOME: not set") and home.endswith("set HOME to a folder that you can write")
    assert temporary.startswith("TMPDIR: ") and "set RAY_TMPDIR to a folder with a short path" in temporary
    assert "`ulimit -u`" in tasks and "a sweep with 2 workers takes about 175" in tasks
    assert files == "open files: up to 60, and a sweep with 2 workers takes about 80; raise the limit (`ulimit -n`)"


def test_a_home_that_cannot_be_written_and_no_folder_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    assert only("HOME").state == "warning" and "XDG_CACHE_HOME" in only("HOME").remedy
    monkeypatch.setattr(surroundings.tempfile, "gettempdir", none)
    assert only("TMPDIR").state == "wrong" and only("TMPDIR").remedy.startswith("set TMPDIR")


def test_fewer_workers_are_proposed_where_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    own = sum(p.num_threads() for p in psutil.process_iter() if p.uids().real == os.getuid())
    limited(monkeypatch, RLIMIT_NPROC=own + 190)
    assert only("processes", 2).state == "ok"
    refused = only("processes", 8)
    assert refused.state == "wrong" and "set max_concurrent: 2" in refused.remedy


@pytest.mark.parametrize(("text", "folder"), [("0::/", ""), ("8:pids:/docker/ab\n0::/", "pids")])
def test_a_container_s_limit_counts_as_well(
    text: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.write_text(text)
    monkeypatch.setattr(control_group, "OWN", own)
    monkeypatch.setattr(control_group, "MOUNT", tmp_path)
    tmp_path = tmp_path / folder
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "pids.current").write_text("20\n")
    (tmp_path / "pids.max").write_text("100\n")
    assert (
        only("processes").found.startswith("room for 80 processes") and "--pids-limit" in only("processes").remedy
    )
    (tmp_path / "pids.max").write_text("max\n")
    assert only("processes").state == "ok"


def test_open_files_are_allowed_as_far_as_they_may() -> None:
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        assert only("open files", 4).state == "ok"
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EROFS, "Read-only file system", ".paceline/12ab"), "set PACELINE_HOME to a folder that"),
        (PermissionError(errno.EACCES, "Permission denied", "/tmp/x"), "/tmp/x: Permission denied; set TMPDIR to"),
        (OSError(errno.EROFS, "Read-only file system", b"/home/me/.cache"), "set HOME to a folder that you can"),
        (PermissionError(errno.EPERM, "Operation not permitted", "/opt/x"), "or work in another folder"),
        (OSError(errno.EMFILE, "Too many open files"), "`ulimit -n`"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "`ulimit -u`"),
        (BlockingIOError(errno.EAGAIN, "write could not complete without blocking", 0), None),
        (RuntimeError("can't start new thread"), "`ulimit -u`"),
        (OSError(errno.ENOENT, "No such file or directory", "x"), None),
        (RuntimeError("anything else"), None),
        (ValueError("a bug"), None),
    ],
)
def test_what_the_system_refuses_is_a_sentence(
    error: BaseException, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HOME": "/home/me", "TMPDIR": "/tmp", "PACELINE_HOME": ""}.items():
        monkeypatch.setenv(name, value)
    told = sentence(error)
    assert told is None if said is None else said in str(told)


def test_what_cannot_be_read_is_not_said_to_need_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, file = tmp_path / "a folder", tmp_path / "a folder" / "t.csv"
    folder.mkdir()
    file.touch()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    closed = {file}
    really = os.access
    monkeypatch.setattr(  # nothing is closed to root
        surroundings.os,
        "access",
        lambda path, how: not (path in closed and how & (os.R_OK | os.X_OK)) and really(path, how),
    )
    error = PermissionError(errno.EACCES, "Permission denied", str(file))
    assert str(sentence(error)).endswith(f"; give yourself the right to read it: `chmod u+r '{file}'`")
    closed.add(folder)
    assert str(sentence(error)).endswith(f"`chmod u+rx '{folder}'`")
    closed.clear()
    assert "set TMPDIR to a folder that you can write" in str(sentence(error))
    closed.add(file)
    monkeypatch.setattr(surroundings.os, "getuid", lambda: -1)
    assert str(sentence(error)).endswith("it is another user's: ask for the right to read it")


def test_a_home_that_is_no_folder_or_of_no_encoding_is_told_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweep.yaml").write_text(SPEC)
    Path("file").touch()
    Path("link").symlink_to("nowhere")
    for home, named in {"file": "file", "file/homes": "file/homes", "link": "link"}.items():
        monkeypatch.setenv("PACELINE_HOME", home)
        assert main(["run", "sweep.yaml"]) == 1
        told = f"{tmp_path / named} is no folder: set PACELINE_HOME to a folder that you can write"
        assert capsys.readouterr().err.splitlines()[-1] == told
    monkeypatch.setenv("PACELINE_HOME", os.fsdecode(b"caf\xe9"))
    assert only("PACELINE_HOME").state == "wrong" and r"caf\udce9' is not UTF-8" in only("PACELINE_HOME").found
    monkeypatch.setenv("PACELINE_HOME", "~/homes")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert root() == tmp_path / "homes"


def test_a_working_folder_that_was_removed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sweep.yaml").write_text(SPEC)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.delenv("PACELINE_HOME", raising=False)
    assert main(["run", str(tmp_path / "sweep.yaml")]) == 1
    assert capsys.readouterr().err == "the working folder was removed: go to another one\n"


def test_standard_streams_that_are_closed_take_no_file_s_place() -> None:
    code = (
        "from cluster.terminal.standard_streams import open_standard_streams as o\no()\nprint(1)\nimport os, sys\n"
    )
    code += "print('no stream', file=sys.stderr)\nassert os.open(os.devnull, 0) > 2 and sys.stdin.read() == ''"
    command = f"exec {sys.executable} -c {quote(code)} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], cwd=ROOT).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="a folder in which not even root can write")
def test_a_folder_that_cannot_be_written_ends_a_command_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweep.yaml").write_text(SPEC)
    monkeypatch.setenv("PACELINE_HOME", "/sys/paceline")
    assert main(["run", "sweep.yaml"]) == 1
    [told] = capsys.readouterr().err.splitlines()
    assert told.startswith("/sys/paceline: ") and "set PACELINE_HOME to a folder that you can write" in told


def test_a_sweep_that_does_not_fit_is_refused_before_anything_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweep.yaml").write_text(SPEC)
    limited(monkeypatch, RLIMIT_NOFILE=60)
    assert main(["run", "sweep.yaml", "-q"]) == 2
    assert "raise the limit (`ulimit -n`)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


@pytest.mark.parametrize("given", ["", "example.org, .local", "*"])
def test_no_proxy_stands_between_us_and_this_machine(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*EXEMPT, *PROXIES, *map(str.upper, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    reach_this_machine_directly()
    assert not any(name in os.environ for name in EXEMPT)
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", given)
    reach_this_machine_directly()
    for host in ("127.0.0.1:5000", "localhost", *(["example.org"] if given else [])):
        assert urllib.request.proxy_bypass(host)  # type: ignore[attr-defined]
        assert requests.utils.get_environ_proxies(f"http://{host}/") == {}
    assert bool(urllib.request.proxy_bypass("mlflow.example.com")) is (given == "*")  # type: ignore[attr-defined]


def test_hosts_of_both_variables_stay_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "localhost")
    monkeypatch.setenv("NO_PROXY", "mlflow.example.org,localhost")
    reach_this_machine_directly()
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "localhost,mlflow.example.org,127.0.0.1,::1"


@pytest.mark.parametrize(("begin", "words"), [(main, ["--help"]), (job.main, []), (pre_stop.main, [])])
def test_whatever_we_begin_with_spares_this_machine(
    begin: Callable[[list[str]], int], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in EXEMPT:
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    begin(words)
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "localhost,127.0.0.1,::1"


def test_a_store_that_cannot_be_written_is_refused_where_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not by `check`, which writes to none."""
    access = os.access

    def closed(path: Any, mode: int) -> bool:  # root may write everywhere
        return access(path, mode) and not (mode == os.W_OK and str(path) == str(tmp_path))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACELINE_HOME", str(tmp_path / "homes"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Path("sweep.yaml").write_text(SPEC)
    monkeypatch.setattr(os, "access", closed)
    assert main(["check", "sweep.yaml"]) == 0
    capsys.readouterr()
    assert main(["run", "sweep.yaml", "-q"]) == 2
    assert f"needs {tmp_path}, which cannot be written: set MLFLOW_TRACKING_URI" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]
