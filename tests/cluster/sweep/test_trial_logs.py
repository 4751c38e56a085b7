"""Logs of trials are read whole, one or all, and as they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.sweep.files.trial_logs import _Reading
from cluster.sweep.home import SweepHome
from search_spaces.spec.sweep import load_sweep
from tests.helpers.spec_texts import HEAD
from workloads.registry import catalogue


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepHome:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text(HEAD)
    return SweepHome.create(load_sweep(tmp_path / "sweep.yaml", catalogue=catalogue()))


def test_all_trials_lines_have_their_names_before_them_and_one_s_do_not(
    home: SweepHome, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logs"]) == 2
    assert "has no logs" in capsys.readouterr().err
    home.logs.mkdir()
    for name, text in {"t000": "one\n", "t011": "a bar\rthe bar\nno end", "t011-rank1": "\x1b[2Jtwo\n"}.items():
        (home.logs / f"{name}.log").write_text(text)
    assert main(["logs", home.id, "-f"]) == 0, "it is not driven: it has ended"
    assert capsys.readouterr().out.splitlines() == [
        "t000 | one",
        "t011 | the bar",
        "t011 rank 1 | \\x1b[2Jtwo",
        "t011 | no end",
    ]
    for words in (["last", "t11"], [home.id[:3], "11"], ["t011"]):
        assert main(["logs", *words]) == 0
        assert capsys.readouterr().out.splitlines() == ["the bar", "rank 1 | \\x1b[2Jtwo", "no end"]
    assert main(["logs", "last", "t3"]) == 2
    assert "no log of t003; there are t000, t011" in capsys.readouterr().err
    assert main(["logs", "last", "best"]) == 2
    assert "write t007, or 7" in capsys.readouterr().err


def test_lines_are_told_once_they_are_whole_and_once_only(tmp_path: Path) -> None:
    path, reading = tmp_path / "t000.log", _Reading()
    assert list(reading.lines(path)) == []
    path.write_text("one\ntw")
    assert list(reading.lines(path)) == ["one"]
    path.write_text("one\ntwo\nthree\n")
    assert list(reading.lines(path)) == ["two", "three"]
    path.write_text("shortened\n")
    assert list(reading.lines(path)) == []
