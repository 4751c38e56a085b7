"""What users' code saves: real files of a checkpoint, whole or not at all, on a disk and in an object store."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import Objective
from tests.helpers.paths import ROOT
from tests.helpers.workload_data import blobs, search_data
from workloads.files import listed_folder
from workloads.files.saved_files import NotAFile, SavedFiles, contents
from workloads.legs import checkpoint
from workloads.legs.checkpoint import Progress, TornCheckpoint
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.custom.run import Run
from workloads.models.custom.workload import workload_of
from workloads.training.setup import MemberState

ODD = (
    "a b.txt",
    "sub/deeper/x.bin",
    "100%.txt",
    "*?[1].txt",
    "#tag",
    "größe-中文-🙂",
    "back\\slash",
    " ",
    "-rf",
    "a\nb",
    ".hidden",
)
NO_FILES = MemberState({}, {})
AT_2 = Progress(epoch=2, seed=0, params={})


@pytest.fixture(params=["disk", "store"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "disk":
        yield str(tmp_path / "checkpoints")
        return
    import fsspec

    memory = fsspec.filesystem("memory")
    yield "memory://checkpoints"
    memory.rm("/checkpoints", recursive=True)


def folder_with(files: dict[str, bytes], folders: tuple[str, ...] = ()) -> SavedFiles:
    made = SavedFiles.empty()
    for name, content in files.items():
        (made.path / name).parent.mkdir(parents=True, exist_ok=True)
        (made.path / name).write_bytes(content)
    for name in folders:
        (made.path / name).mkdir(parents=True)
    return made


def of(files: SavedFiles) -> MemberState:
    return MemberState({}, {}, files)


def read(saved: SavedFiles | None) -> dict[str, bytes]:
    assert saved is not None
    return {name: path.read_bytes() for name, path in contents(saved.path).files.items()}


def test_files_of_any_name_come_back_as_they_were(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed_folder, "PIECE_BYTES", 3)
    files = {name: os.urandom(k) for k, name in enumerate(ODD)}
    uri = checkpoint.folder(root, "t0000-s0", 2)
    checkpoint.save(uri, AT_2, of(folder_with(files, ("empty/one",))))
    progress, state, best = checkpoint.load(uri)
    assert (progress, best) == (AT_2, None) and state.files is not None
    assert read(state.files) == files and (state.files.path / "empty/one").is_dir()
    assert checkpoint.found(root) == {uri} and checkpoint.valid(uri)
    if "memory" not in root:
        assert {str(p.relative_to(f"{uri}/files")) for p in Path(f"{uri}/files").rglob("*") if p.is_file()} == {
            *ODD
        }
        assert checkpoint.num_bytes(uri) > sum(map(len, files.values()))
    for path in state.files.path.iterdir():  # as a function may do to its folder
        path.write_bytes(b"other") if path.is_file() else None
    assert checkpoint.valid(uri)
    checkpoint.delete(uri)
    assert checkpoint.found(root) == set()


def test_a_file_that_changed_or_is_gone_makes_a_checkpoint_torn(root: str) -> None:
    import fsspec

    uri = checkpoint.folder(root, "t0000-s0", 2)
    store, path = fsspec.core.url_to_fs(uri)
    for content in (b"ab", b"abcd", b"xbc", None):
        checkpoint.save(uri, AT_2, of(folder_with({"in/it": b"abc"})), of(folder_with({"best": b"1"})))
        assert checkpoint.valid(uri)
        store.rm(f"{path}/files/in/it") if content is None else store.pipe_file(f"{path}/files/in/it", content)
        assert not checkpoint.valid(uri)
        for look in (checkpoint.progress, checkpoint.load):
            with pytest.raises(TornCheckpoint, match="files"):
                look(uri)
    checkpoint.save(uri, AT_2, of(folder_with({"in/it": b"abc"})), of(folder_with({"best": b"1"})))
    store.pipe_file(f"{path}/best/best", b"2")
    assert not checkpoint.valid(uri)


def test_a_list_that_leads_out_of_the_folder_is_refused(root: str, tmp_path: Path) -> None:
    uri = checkpoint.folder(root, "t0000-s0", 2)
    checkpoint.save(uri, AT_2, of(folder_with({"a": b""})))
    for name in ("../../outside", "/outside"):
        record = {
            **json.loads(checkpoint.get(uri, "state.json")),
            "files": {"files": {name: [0, 0]}, "folders": []},
        }
        checkpoint.put(uri, "state.json", json.dumps(record).encode())
        with pytest.raises(TornCheckpoint):
            checkpoint.load(uri)


def test_the_best_epoch_s_files_are_kept_once_if_they_are_the_last_s(root: str, tmp_path: Path) -> None:
    uri, last, best = checkpoint.folder(root, "t0000-s0", 2), folder_with({"at": b"2"}), folder_with({"at": b"1"})
    for kept, told in ((last, "files"), (best, "best")):
        checkpoint.save(uri, AT_2, of(last), of(kept))
        _, found, found_best = checkpoint.load(uri)
        assert found_best is not None and found.files is not None
        assert (read(found.files), read(found_best.files)) == ({"at": b"2"}, read(kept))
        assert checkpoint.saved_at(uri) == f"{uri}/{told}"
        assert checkpoint.copy_saved(uri, tmp_path / told)
        assert (tmp_path / told / "at").read_bytes() == read(kept)["at"]
    checkpoint.save(uri, AT_2, NO_FILES)
    assert checkpoint.saved_at(uri) is None and not checkpoint.copy_saved(uri, tmp_path / "nothing")
    assert checkpoint.load(uri)[1].files is None and checkpoint.valid(uri)


def test_links_are_followed_and_what_is_no_file_is_refused(tmp_path: Path) -> None:
    saved, elsewhere = SavedFiles.empty(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "real").write_bytes(b"1")
    (saved.path / "file").symlink_to(elsewhere / "real")
    (saved.path / "folder").symlink_to(elsewhere)
    os.link(elsewhere / "real", saved.path / "hard")
    checkpoint.save(str(tmp_path / "c"), AT_2, of(saved))
    (elsewhere / "real").write_bytes(b"2")
    assert checkpoint.valid(str(tmp_path / "c"))
    assert read(checkpoint.load(str(tmp_path / "c"))[1].files) == {"file": b"1", "folder/real": b"1", "hard": b"1"}
    faults: dict[str, Callable[[Path], object]] = {
        "a link to nothing": lambda path: (path / "x").symlink_to(path / "gone"),
        "leads back": lambda path: (path / "x").symlink_to(path),
        "no file": lambda path: os.mkfifo(path / "x"),
        "no text in UTF-8": lambda path: (path / "caf\udce9").write_bytes(b""),
    }
    for told, fault in faults.items():
        wrong = SavedFiles.empty()
        fault(wrong.path)
        with pytest.raises(NotAFile, match=told):
            contents(wrong.path)


def test_a_full_disk_leaves_no_pieces_and_the_folder_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = str(tmp_path / "c")
    checkpoint.save(uri, AT_2, of(folder_with({"a": b"1"})))

    def full(reader: object, write: object) -> list[int]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(listed_folder, "copied", full)
    with pytest.raises(checkpoint.NotKept, match="No space"):
        checkpoint.save(uri, AT_2, of(folder_with({"a": b"2"})))
    assert sorted(path.name for path in Path(uri).iterdir()) == ["files", "state.json", "weights.pt"]


def counting(run: Run) -> None:
    at = run.folder / "at" if run.folder else None
    done = int(at.read_text()) if at else 0
    if at:
        at.write_text("spoilt")
    values = [0.1, 0.9, 0.3, 0.2]
    for epoch in range(done, run.num_epochs):
        run.report(lambda folder, e=epoch: (folder / "at").write_text(f"{e + 1}"), val_accuracy=values[epoch])


def lane(root: Path, monkeypatch: pytest.MonkeyPatch) -> LegRunner:
    monkeypatch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, counting))
    setting = LegSetting("mine:train", Objective("val_accuracy", "maximize"), str(root), device="cpu")
    return LegRunner(setting, search_data(), blobs(30, 2))


def run(runner: LegRunner, start: int, stop: int, uri: str | None, purpose: str = "search", trial: int = 0) -> str:
    member = Member(trial=trial, seed=1, params={}, checkpoint=uri)
    runner.start(Leg(id=0, start=start, stop=stop, horizon=4, members=(member,), purpose=purpose))  # type: ignore[arg-type]
    while not runner.done:
        runner.epoch()
    [saved] = runner.save()
    assert saved.uri is not None
    return saved.uri


def test_a_function_s_files_are_in_its_checkpoint_and_stay_when_it_writes_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(lane(tmp_path, monkeypatch), 0, 2, None)
    assert (Path(first) / "files" / "at").read_text() == "2"
    second = run(lane(tmp_path, monkeypatch), 2, 4, first)
    taken = run(lane(tmp_path, monkeypatch), 2, 3, first, trial=1)  # as in PBT: another member's checkpoint
    assert [(Path(uri) / "files" / "at").read_text() for uri in (first, second, taken)] == ["2", "4", "3"]
    assert checkpoint.valid(first)


def test_a_final_member_keeps_the_files_of_its_best_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half = run(lane(tmp_path, monkeypatch), 0, 2, None, "final")
    whole = run(lane(tmp_path, monkeypatch), 2, 4, half, "final")
    assert checkpoint.saved_at(half) == f"{half}/files" and checkpoint.saved_at(whole) == f"{whole}/best"
    assert (Path(whole) / "best" / "at").read_text() == "2" and (Path(whole) / "files" / "at").read_text() == "4"


def test_a_checkpoint_of_an_earlier_version_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("at", "2")
    state = MemberState({"files": torch.frombuffer(bytearray(archive.getvalue()), dtype=torch.uint8)}, {})
    uri = checkpoint.folder(str(tmp_path), "t0000-s1", 2)
    checkpoint.save(uri, Progress(epoch=2, seed=1, params={}), state)
    assert (Path(run(lane(tmp_path, monkeypatch), 2, 3, uri)) / "files" / "at").read_text() == "3"


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


MAKES = """
import os, signal, sys
from workloads.files.saved_files import SavedFiles
kept = SavedFiles.empty()
(kept.path / "file").touch()
print(kept.path.parent, flush=True)
sys.stdin.read() if sys.argv[1] == "waits" else os.kill(os.getpid(), signal.SIGKILL if sys.argv[1] == "dies" else 0)
"""


def test_folders_of_a_process_that_was_killed_are_removed_by_the_next(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}

    def begun(what: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", MAKES, what]
        return subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, text=True)

    with begun("waits") as living:
        there = Path(read_line(living))
        with begun("dies") as dead:
            left = Path(read_line(dead))
            dead.wait()
        assert [len(list(folder.glob("*/file"))) for folder in (there, left)] == [1, 1]
        with begun("ends") as other:
            other.wait()
        assert there.is_dir() and {path.name for path in tmp_path.iterdir()} == {there.name, f"{there.name}.lock"}
        living.stdin.close() if living.stdin else None
        living.wait()
    assert list(tmp_path.iterdir()) == []
