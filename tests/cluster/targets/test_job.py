"""The job of a sweep on a cluster: which spec it goes by, and that it changes nothing of another driver's."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import job
from cluster.sweep.home import SweepHome
from cluster.sweep.restore import note_spec
from search_spaces.spec.sweep import parse_sweep
from search_spaces.study.study import Study
from workloads.registry import catalogue

ID = "abcd1234"
SPEC = """\
name: {name}
workload: mlp
data: {{csv: {table}, target: label}}
parameters: {{lr: {{min: 1e-4, max: 0.1, log: true}}}}
trials: {trials}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepHome:
    monkeypatch.setenv("PACELINE_HOME", str(tmp_path / "homes"))
    monkeypatch.setenv("PACELINE_SPEC", str(tmp_path / "sent.yaml"))
    for name in ("PACELINE_STUDY", "PACELINE_CHECKPOINTS", "PACELINE_ATTEMPT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("t.csv", "new.csv"):
        (tmp_path / name).write_text("a,label\n1,x\n2,y\n")
    send(tmp_path)
    home = SweepHome.create(
        parse_sweep((tmp_path / "sent.yaml").read_text(), "s", tmp_path, catalogue=catalogue()),
        tmp_path / "homes",
        ID,
    )
    study = Study(home.id, "maximize", home.study)
    note_spec(home, study, home.sweep().model_copy(update={"trials": 30}))
    study.flush()
    study.close()
    home.keep(home.sweep().model_copy(update={"trials": 30}))
    return home


def send(folder: Path, name: str = "mine", table: str = "t.csv") -> None:
    (folder / "sent.yaml").write_text(SPEC.format(name=name, table=table, trials=5))


def run(monkeypatch: pytest.MonkeyPatch) -> list[SweepHome]:
    """Run the job as far as to its driver; return the home for which one would have begun."""
    begun: list[SweepHome] = []
    monkeypatch.setattr(job, "_drive", lambda home, submission: begun.append(home) or 0)
    monkeypatch.setattr("cluster.cli.commands.run.tell_end", lambda read, as_json: None)
    assert job._run(ID, local=True) == 0
    return begun


def test_an_attempt_takes_the_submitted_data_and_keeps_the_rest(
    home: SweepHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tmp_path, table="new.csv")
    assert run(monkeypatch)
    assert (home.sweep().trials, home.sweep().data.csv) == (30, str(tmp_path / "new.csv"))


@pytest.mark.parametrize("damage", ["sweep.yaml gone", "both gone", "sweep.json rotten, sweep.yaml gone"])
def test_a_home_that_lost_its_spec_is_no_new_one(
    home: SweepHome, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    home.spec.unlink()
    if damage == "both gone":
        home.document.unlink()
    if "rotten" in damage:
        home.document.write_bytes(home.document.read_bytes().replace(b"mlp", b"mlq"))
    assert run(monkeypatch)
    assert home.sweep().trials == 30, "the submitted spec, from before there were more trials"


def test_the_home_of_another_sweep_is_refused_and_stays(
    home: SweepHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tmp_path, name="other")
    home.spec.unlink()
    before = home.document.read_bytes()
    with pytest.raises(job.JobRefused, match="is the home of another sweep, 'mine'"):
        run(monkeypatch)
    assert home.document.read_bytes() == before


def test_an_attempt_beside_a_running_driver_changes_nothing(
    home: SweepHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tmp_path, table="new.csv")
    monkeypatch.setattr(job, "LOCK_PATIENCE_S", 0.0)
    before = home.document.read_bytes()
    with home.driven(), pytest.raises(job.JobRefused, match="only one attempt at a time"):
        run(monkeypatch)
    assert home.document.read_bytes() == before


def test_where_there_is_nothing_to_begin_with_nothing_is_made(
    home: SweepHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACELINE_HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("PACELINE_SPEC")
    with pytest.raises(job.JobRefused, match="names no spec to begin with"):
        run(monkeypatch)
    assert not (tmp_path / "empty").exists()
