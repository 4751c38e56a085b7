"""Exhibits: what a model makes, from the workload over lane, report and spool to an artifact of its run."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.sweep.messages import Report
from search_spaces.race.legs import Exhibit, Leg, Member, Purpose
from search_spaces.types.objective import LOSS
from tests.helpers.exhibit_workload import ALL_BYTES
from tests.helpers.small_sweep_in_mlflow import HEADER, open_writer, runs_of, write_trial
from tests.helpers.sweep_here import Here
from tests.helpers.workload_data import blobs, search_data
from tracking.store.open import open_mlflow
from workloads.legs.exhibits import MAX_BYTES
from workloads.legs.runner import LegRunner, LegSetting


def runner(folder: Path, name: str) -> LegRunner:
    setting = LegSetting(f"tests.helpers.exhibit_workload:{name}", LOSS, str(folder), device="cpu")
    return LegRunner(setting, search_data(), blobs(30, 2))


def shown(lane: LegRunner, purpose: Purpose = "search") -> list[dict[str, bytes]]:
    """By epoch: what the members show, by key and path."""
    members = tuple(Member(trial=k, seed=0, params={"batch_size": 8, "lr": 0.5 * k + 0.01}) for k in range(2))
    lane.start(Leg(id=0, start=0, stop=3, horizon=9, members=members, purpose=purpose))
    found = []
    while not lane.done:
        lane.epoch()
        found.append({f"{e.key}/{e.path}": base64.b64decode(e.content) for e in lane.exhibits()})
    return found


def test_every_member_shows_at_the_end_of_a_leg(tmp_path: Path) -> None:
    first, second, last = shown(runner(tmp_path, "SHOWING"))
    assert first == second == {}
    assert set(last) == {f"t000{k}-s0/{path}" for k in range(2) for path in ("bytes/e0003.bin", "norm.txt")}
    assert last["t0000-s0/bytes/e0003.bin"] == ALL_BYTES
    assert last["t0000-s0/norm.txt"] != last["t0001-s0/norm.txt"], "each shows its own weights"


def test_a_workload_may_show_after_every_epoch(tmp_path: Path) -> None:
    epochs = shown(runner(tmp_path, "EAGER"))
    assert [sorted(found)[0] for found in epochs] == [f"t0000-s0/bytes/e000{e}.bin" for e in (1, 2, 3)]
    assert len({found["t0000-s0/norm.txt"] for found in epochs}) == 3


def test_final_members_show_their_best_epoch(tmp_path: Path) -> None:
    lane = runner(tmp_path, "SHOWING")
    last = shown(lane, "final")[-1]
    for scored in lane.score():
        assert f"{scored.key}/bytes/e{scored.best_epoch:04d}.bin" in last


def test_what_is_too_large_is_left_out_with_a_word(tmp_path: Path) -> None:
    last = shown(runner(tmp_path, "LARGE"))[-1]
    assert len(last["t0000-s0/first.bin"]) == MAX_BYTES - 3
    assert last["t0000-s0/small.bin"] == b"333"
    assert "t0000-s0/large.bin" not in last
    assert last["t0000-s0/large.bin.left_out.txt"].startswith(b"4 bytes were left out")


@pytest.mark.parametrize(("name", "reason"), [("RAISES", b"nothing to see here"), ("OUTSIDE", b"../elsewhere.txt")])
def test_a_failing_exhibit_stops_no_training_and_is_told(tmp_path: Path, name: str, reason: bytes) -> None:
    lane = runner(tmp_path, name)
    last = shown(lane)[-1]
    assert set(last) == {"t0000-s0/exhibit_failed.txt", "t0001-s0/exhibit_failed.txt"}
    assert reason in last["t0000-s0/exhibit_failed.txt"]
    assert [saved.epoch for saved in lane.save()] == [3, 3]


def test_a_report_carries_them() -> None:
    sent = [Exhibit(key="t0000-s0", path="a/b.bin", content="AAEC")]
    assert Report.from_result(Report(exhibits=sent).to_result()).exhibits == sent


def artifact(uri: str, run: Any, path: str, folder: Path) -> bytes:
    return Path(open_mlflow(uri).client.download_artifacts(run.info.run_id, path, str(folder))).read_bytes()


def test_bytes_become_artifacts_of_a_member_s_run_in_any_store(any_uri: str, tmp_path: Path) -> None:
    messages: list[str] = []
    content = base64.b64encode(ALL_BYTES).decode()
    header = replace(HEADER, sweep_id="exhibits")
    away = open_writer("http://127.0.0.1:9", tmp_path / "spool", messages, header)
    write_trial(away, 0)
    away.content("samples/e0001.bin", content, "t0000")
    away.content("samples/e0002.bin", "", "t0000")
    assert not away.close(0.5)
    messages.clear()
    writer = open_writer(any_uri, tmp_path / "spool", messages, header)
    writer.content("samples/e0002.bin", content, "t0000")  # told again after a crash
    writer.content("lost.bin", content, "t0007")  # of nobody
    assert writer.close(60)
    assert len(messages) == 1 and "t007" in messages[0]
    run = runs_of(any_uri, "exhibits")["t0000"][0]
    for epoch in (1, 2):
        assert artifact(any_uri, run, f"samples/e000{epoch}.bin", tmp_path) == ALL_BYTES


SPEC = """
name: showing
workload: tests.helpers.exhibit_workload:EAGER
data: {name: wine}
parameters: {lr: {min: 1e-3, max: 1e-1, log: true}}
trials: 3
epochs: 3
early_terminate: {min_iter: 1, eta: 3}
final: none
"""


@pytest.mark.slow
def test_a_sweep_keeps_them_with_each_trial(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SPEC)
    document = folder.document("run", "sweep.yaml")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    runs = runs_of(uri, document["sweep"])
    for trial in document["trials"]:
        [run] = runs[f"t{trial['number']:04d}"]
        for epoch in range(1, trial["epochs"] + 1):
            assert artifact(uri, run, f"bytes/e{epoch:04d}.bin", tmp_path) == ALL_BYTES
