"""A sweep's home: what it keeps of the spec, homes of versions before and after, and what has gone meanwhile."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest

from cluster import job
from cluster.cli.commands.run import _drive
from cluster.cli.commands.shared import Refusal
from cluster.cli.main import main
from cluster.sweep.files import kept
from cluster.sweep.home import Busy, SweepHome, matching
from cluster.sweep.restore import note_spec, settled
from cluster.targets.contract import TargetError
from cluster.targets.local import LocalTarget
from cluster.terminal.views import QuietView
from search_spaces.spec.checks.data import SOURCES
from search_spaces.spec.place import Place
from search_spaces.spec.stored import PATHS, from_json, to_json
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.study.study import Study
from search_spaces.types.faults import SpecError
from workloads.registry import catalogue

SPEC = """\
workload: mlp
data: {csv: table.csv, target: label}
parameters: {lr: {min: 1e-4, max: 0.1, log: true}, width: 16}
storage: {checkpoints: weights}
"""
PASSWORD = "hunter2"


def parsed(folder: Path, text: str = SPEC) -> Sweep:
    (folder / "table.csv").write_text("a,label\n1,x\n2,y\n")
    return parse_sweep(text, "sweep.yaml", folder, catalogue=catalogue())


def test_the_sweep_comes_back_from_json_and_people_find_it_as_yaml(tmp_path: Path) -> None:
    home = SweepHome.create(parsed(tmp_path), tmp_path)
    sweep = home.sweep()
    assert sweep.storage.checkpoints == str(tmp_path / "weights")
    assert home.storage == sweep.storage == SweepHome(home.id, home.path).storage
    assert parse_sweep(home.spec.read_text(), "sweep.yaml", None, catalogue=catalogue()) == sweep
    assert json.loads(home.document.read_text())["format"] == 1
    assert SweepHome.find(home.id, tmp_path) == home


def test_others_can_open_no_home(tmp_path: Path) -> None:
    def mode(path: Path) -> int:
        return path.stat().st_mode & 0o777

    home = SweepHome.create(parsed(tmp_path), tmp_path / "homes")
    assert {mode(home.path), mode(home.path.parent)} == {0o700}
    assert {mode(home.spec), mode(home.document)} == {0o600}
    home.path.chmod(0o755)  # as versions before made it
    with home.driven():
        (home.path / "journal.log").touch()
        (home.path / "checkpoints").mkdir()
    (tmp_path / "of the user's own").touch()
    own = mode(tmp_path / "table.csv")
    assert (mode(home.path), mode(home.path / "checkpoints")) == (0o700, 0o700)
    assert {mode(home.journal), mode(home.path / "driver.lock")} == {0o600}
    assert mode(tmp_path / "of the user's own") == own


@pytest.mark.parametrize(
    ("reference", "found"), [("last", "7f3a"), ("7f3a", "7f3a"), ("7f3a9", "7f3a91c2"), ("00", None)]
)
def test_a_sweep_is_named_by_its_id_or_by_the_beginning_of_one(reference: str, found: str | None) -> None:
    assert matching(reference, ["7f3a", "7f3a91c2", "aaaa"]) == found


def test_a_beginning_of_several_ids_names_none() -> None:
    assert matching("last", []) is None
    with pytest.raises(LookupError, match="more than one sweep begins with '7f'; known: 7f3a, 7f3a91c2"):
        matching("7f", ["7f3a", "7f3a91c2"])


def test_a_sweep_is_found_by_its_name_of_which_the_newest(tmp_path: Path) -> None:
    first, second = (
        SweepHome.create(parsed(tmp_path), tmp_path / "homes", sweep_id) for sweep_id in ("aa11", "bb22")
    )
    os.utime(first.spec, (1, 1))
    os.utime(first.document, (1, 1))
    assert SweepHome.find(first.name, tmp_path / "homes") == second
    assert SweepHome.find("aa", tmp_path / "homes") == first
    known = rf"no sweep 'zz'; known in {tmp_path / 'homes'}: bb22 \({first.name}\), aa11 \({first.name}\)"
    with pytest.raises(LookupError, match=known):
        SweepHome.find("zz", tmp_path / "homes")


def test_a_sweep_that_is_not_there_is_said_to_be_missing_in_the_folder_that_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACELINE_HOME", str(tmp_path / "homes"))
    with pytest.raises(LookupError, match=f"no sweep in PACELINE_HOME={tmp_path / 'homes'}; `paceline demo`"):
        SweepHome.find("zz")
    SweepHome.create(parsed(tmp_path), sweep_id="aa11")
    with pytest.raises(LookupError, match=f"no sweep 'zz'; known in PACELINE_HOME={tmp_path / 'homes'}: aa11"):
        SweepHome.find("zz")


def test_a_home_of_a_version_before_has_yaml_alone_and_gets_json_with_its_next_change(tmp_path: Path) -> None:
    home = SweepHome.create(parsed(tmp_path), tmp_path)
    sweep = home.sweep()
    home.document.unlink()
    os.utime(home.spec, (1, 1))
    old = SweepHome(home.id, home.path)
    assert (old.sweep(), old.sweep(to_run=True), old.storage) == (sweep, sweep, sweep.storage)
    old.keep(sweep.model_copy(update={"trials": 77}))
    assert old.document.exists() and old.sweep().trials == 77
    assert old.spec.stat().st_mtime == 1


def test_a_home_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    home = SweepHome.create(parsed(tmp_path), tmp_path)
    home.document.write_text('{"format": 2, "paceline": "9.1"}')
    with pytest.raises(SpecError, match=r"sweep.json: format: is 2, .*Paceline 9.1"):
        home.sweep()


def test_what_has_gone_since_is_told_at_once_to_whoever_runs_it(tmp_path: Path) -> None:
    home = SweepHome.create(parsed(tmp_path), tmp_path)
    sweep = home.sweep(to_run=True)
    (tmp_path / "table.csv").rename(tmp_path / "tables.csv")
    constants = {"width": -3, "colour": "red"}
    home.keep(sweep.model_copy(update={"constants": constants}))
    assert home.sweep().constants == constants
    with pytest.raises(SpecError) as caught:
        home.sweep(to_run=True)
    assert {fault.path for fault in caught.value.faults} == {"data.csv", "parameters.width", "parameters.colour"}
    assert "tables.csv" in str(caught.value) and str(home.spec) in str(caught.value)
    home.keep(sweep.model_copy(update={"workload": "nowhere.module:MINE"}))
    assert home.sweep().workload == "nowhere.module:MINE"
    with pytest.raises(SpecError, match=r"workload: .*nowhere.* cannot be imported"):
        home.sweep(to_run=True)


def test_no_password_of_the_environment_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACELINE_STUDY", f"postgresql+psycopg://you:{PASSWORD}@host/db")
    home = SweepHome.create(parsed(tmp_path), tmp_path)
    assert home.storage.study == "postgresql+psycopg://you@host/db"
    for path in home.path.iterdir():
        assert PASSWORD not in path.read_text()


def test_data_inside_a_folder_that_was_moved_is_found_there(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "c%20d é"
    old.mkdir()
    outside = tmp_path / "further.csv"
    outside.write_text("a,label\n1,x\n2,y\n")
    text = SPEC.replace("csv: table.csv", f"csv: [table.csv, {outside}], test: table.csv")
    home = SweepHome.create(parsed(old, text), old / ".paceline")
    study = Study(home.id, "maximize", home.study)
    note_spec(home, study, home.sweep())
    study.flush()
    shutil.copytree(old, new)
    for folder, found in ((old, home), (new, SweepHome.find(home.id, new / ".paceline"))):
        kept = Study(found.id, "maximize", found.study, writing=False)
        for sweep in (found.sweep(to_run=True), settled(found, kept, SpecError([]))[0]):
            data = sweep.data
            assert (data.csv, data.also, data.test) == (
                f"{folder}/table.csv",
                [str(outside)],
                f"{folder}/table.csv",
            )
    shutil.rmtree(old)
    assert SweepHome.find(home.id, new / ".paceline").sweep(to_run=True).data.csv == f"{new}/table.csv"


ALONE = {
    "the home": ("homes", "elsewhere/of/others", "start"),
    "the folder": ("project", "renamed é", "renamed é"),
    "both": ("homes", "elsewhere/of/others", "project"),
    "neither": ("homes", "homes", "start"),
}
"""What is moved: from where, to where, and the folder in which the command is given then."""


@pytest.mark.parametrize("what", ALONE)
def test_home_and_folder_that_are_not_together_find_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    old, new, here = (tmp_path / name for name in ALONE[what])
    folder = tmp_path / "project"
    for made in (folder, tmp_path / "start", new.parent):
        made.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    home = SweepHome.create(parsed(folder), tmp_path / "homes")
    study = Study(home.id, "maximize", home.study)
    note_spec(home, study, home.sweep())
    study.flush()
    if old != new:
        shutil.move(old, new)
    if what == "both":
        shutil.move(folder, tmp_path / "elsewhere" / "of" / "project")
        here = tmp_path / "elsewhere" / "of" / "project"
    monkeypatch.chdir(here)
    folder = here if here.name != "start" else folder
    found = SweepHome.find(home.id, new if old.name == "homes" else home.path.parent)
    table = str(folder / "table.csv")
    sweep = found.sweep(to_run=True)
    kept = Study(found.id, "maximize", found.study, writing=False)
    assert (sweep.data.csv, settled(found, kept, SpecError([]))[0].data.csv) == (table, table)
    found.keep(sweep)
    assert json.loads(found.document.read_text())["place"]["folder"].endswith(quote(str(folder)))
    assert SweepHome.find(home.id, found.path.parent).sweep().data.csv == table


def test_a_folder_that_is_nowhere_is_told_with_each_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    home = SweepHome.create(parsed(folder), tmp_path / "homes")
    (tmp_path / "start").mkdir()
    monkeypatch.chdir(tmp_path / "start")
    folder.rename(tmp_path / "renamed")
    assert home.sweep().data.csv == f"{folder}/table.csv"
    told = f"data: is not in {folder} nor {tmp_path}/start: go on in the folder that has it, or move it back"
    with pytest.raises(SpecError, match="there is no such file") as caught:
        home.sweep(to_run=True)
    assert told in str(caught.value)
    home.keep(home.sweep())
    assert home.sweep().data.csv == f"{folder}/table.csv"
    (tmp_path / "start" / "table.csv").write_text("a,label\n7,x\n8,y\n")
    assert home.moved() == f" in {folder}, and is read from {tmp_path}/start now"


def test_only_paths_of_data_that_move_with_the_home_are_told_and_a_root_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, away = tmp_path / "project", tmp_path / "elsewhere" / "else"
    (project / "data").mkdir(parents=True)
    away.mkdir(parents=True)
    monkeypatch.chdir(project)
    for data, root in (("{name: wine}", None), ("{name: mnist, root: data}", str(project / "data"))):
        home = SweepHome.create(parsed(project, f"workload: mlp\ndata: {data}\nparameters: {{lr: 0.1}}\n"))
        shutil.move(home.path, away)
        found = SweepHome.find(home.id, away)
        assert (found.sweep().data.root, found.moved()) == (root, "")


def test_a_place_of_no_encoding_and_homes_of_before_are_found(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9 a%20b")
    home = tmp_path / "homes" / "a1b2"
    place = Place.of(odd, home)
    assert place.path == odd and next(place.folders(home)) == odd
    table = tmp_path / "table.csv"
    sweep = parsed(tmp_path)
    before = json.loads(to_json(sweep, Place.of(tmp_path, home)))
    assert before.pop("place") and before["sweep"]["data"]["csv"] == table.name
    assert from_json(json.dumps(before), "", home).data.csv == str(table)


def test_each_source_of_data_is_known_as_a_path() -> None:
    assert set(SOURCES) <= set(PATHS)


def test_a_sweep_that_has_begun_is_not_deleted_where_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, new = (SweepHome.create(parsed(tmp_path), tmp_path) for _ in range(2))
    begun.spool.touch()  # its data.json was lost
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / "table.csv"))
    for home in (begun, new):
        with pytest.raises(Refusal, match="RAY_TMPDIR"):
            _drive(home, QuietView(sys.stderr), None)
    assert begun.spool.exists() and not new.path.exists()


def test_a_folder_whose_mode_cannot_be_changed_is_driven_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    home = SweepHome.create(parsed(tmp_path), tmp_path)
    home.path.chmod(0o770)
    monkeypatch.setattr(Path, "chmod", refused)
    with home.driven():
        assert home.driver_pid() == os.getpid()


def test_a_share_that_is_away_has_lost_no_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(path: Path) -> bool:
        raise OSError(116, "Stale file handle", str(path))

    home = SweepHome.create(parsed(tmp_path), tmp_path)
    assert not home.is_gone
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", stale)
        assert not home.is_gone
    home.remove()
    assert home.is_gone


def test_a_former_driver_s_process_is_not_taken_for_the_one_that_holds_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = SweepHome.create(parsed(tmp_path), tmp_path)
    former = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    def noted() -> None:
        text = b"%d" % former.pid
        (home.path / "driver.lock").write_bytes(b"%b %08x\n" % (text, zlib.crc32(text)))

    try:
        with home.driven():
            noted()  # as it is before the present driver notes itself
            assert home.driver_pid() == os.getpid()
            monkeypatch.setattr(kept, "_holders", lambda lock: (set(), set()))  # as another system's kernel
            assert home.driver_pid() == former.pid, "nobody knows better"
            os.utime(home.path / "driver.lock", (1, 1))
            assert home.driver_pid() == 0, "it began after this was written: its number was another process's"
            noted()
            former.kill()
            former.wait()
            assert home.driver_pid() == 0, "it has ended"
    finally:
        former.kill()
        former.wait()
        assert former.stdin is not None
        former.stdin.close()


def test_no_process_of_this_machine_is_taken_for_another_machine_s_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PACELINE_HOME", str(tmp_path))
    home = SweepHome.create(parsed(tmp_path), tmp_path)
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    here = kept._machine()
    try:
        with home.driven(), monkeypatch.context() as patch:
            patch.setattr(kept, "_machine", lambda: ("node-b", *here[1:]))
            patch.setattr(os, "getpid", lambda: stranger.pid)
            with (home.path / "driver.lock").open("r+") as lock:
                kept.write_pid(lock.fileno())
            patch.undo()
            patch.setattr(kept, "_holders", lambda lock: (set(), {stranger.pid}))  # a file of that number, too
            told = f"sweep {home.id} is being driven by process {stranger.pid} on node-b"
            with pytest.raises(Busy, match=told), home.driven():
                pass
            for more in ([], ["--now"]):
                assert main(["stop", home.id, *more]) == 1
                assert f"{told}, which cannot be signalled from here" in capsys.readouterr().err
            with pytest.raises(TargetError, match=told):
                LocalTarget().stop(home.id)
            assert job.main([home.id, "--kill"]) == 2 and told in capsys.readouterr().err
            assert stranger.poll() is None
            patch.setattr(kept, "_machine", lambda: ("node-b", *here[1:]))
            assert home.driver_pid() == stranger.pid, "seen from there"

            def refused(pid: int, number: int) -> None:
                raise PermissionError(1, "Operation not permitted")

            patch.setattr(os, "kill", refused)
            with pytest.raises(Busy, match=f"process {stranger.pid}, which this user may not end"):
                home.request_stop()
    finally:
        stranger.kill()
        stranger.communicate()


def test_one_who_looks_whether_a_sweep_is_driven_keeps_no_driver_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = SweepHome.create(parsed(tmp_path), tmp_path)
    with home.driven():
        pass
    with (home.path / "driver.lock").open() as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        monkeypatch.setattr(
            "cluster.sweep.files.kept.time.sleep", lambda seconds: fcntl.flock(looked_at, fcntl.LOCK_UN)
        )
        with home.driven():
            assert home.driver_pid() == os.getpid()
            with pytest.raises(Busy, match=f"driven by process {os.getpid()}"), home.driven():
                pass
