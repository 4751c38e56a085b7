"""The command `report`: where the page goes, what is said of a sweep that is not finished, and what is refused."""

from __future__ import annotations

import json
import sys
import webbrowser
from pathlib import Path

import pytest

from cluster.cli.commands.results import report as command
from cluster.cli.main import main
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from tests.helpers.finished_sweep_without_ray import raced


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["report", *words])
    return code, *capsys.readouterr()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepHome:
    monkeypatch.chdir(tmp_path)
    return raced()


def test_it_is_in_the_sweep_s_folder_or_where_it_is_asked_for(
    home: SweepHome, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: not opened.append(url))
    assert told(capsys, "--open") == (0, f"{home.path / 'report.html'}\n", "")
    assert opened == [(home.path / "report.html").as_uri()]
    assert told(capsys, home.id[:3], "-o", "page.html")[:2] == (0, f"{Path.cwd() / 'page.html'}\n")
    code, out, _ = told(capsys, home.id, "--json", "-o", "page.html")  # a page may be replaced
    document = json.loads(out)
    assert code == 0 and document["report"] == str(Path.cwd() / "page.html") and document["figures"] == {}
    assert (document["state"], document["trials"]) == ("finished", 9)
    assert [path.name for path in Path.cwd().glob("*.html*")] == ["page.html"], "no temporary file is left"


def test_wrong_requests_are_refused_with_a_way_out(home: SweepHome, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text("workload: mlp\n")
    for words, why in {
        ("-o", "mine.yaml"): "is there already and is no HTML page: name another file with -o",
        ("-o", "nowhere/page.html"): "No such file or directory; name another file with -o",
        ("winez",): f"there is no sweep 'winez', did you mean wines? known: {home.id} (wines)",
    }.items():
        code, out, err = told(capsys, *words)
        assert (code, out) == (2, "") and why in err
    assert Path("mine.yaml").read_text() == "workload: mlp\n"


def test_an_ambiguous_id_is_refused_with_those_that_it_may_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for sweep_id in ("ab12", "ab34"):
        SweepHome.create(raced(most_legs=0).sweep(), sweep_id=sweep_id)
    code, out, err = told(capsys, "ab")
    assert (code, out) == (2, "") and "more than one sweep begins with 'ab'" in err
    assert "ab12" in err and "ab34" in err


def test_without_an_ended_trial_the_page_is_made_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    home = raced(most_legs=0)
    code, out, err = told(capsys)
    assert code == 0 and out == f"{home.path / 'report.html'}\n"
    assert err == f"no trial has ended, and the page has little to show; `paceline resume {home.id}` continues it\n"


def test_a_running_sweep_is_drawn_and_a_watched_page_reloads_itself_until_the_end(
    home: SweepHome, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = iter([True, True, True, False, False])
    seen: list[bytes] = []

    def running(of: SweepHome) -> Reading:
        read = Reading.of(of)
        return Reading(home=read.home, sweep=read.sweep, study=read.study, live=next(reads))

    monkeypatch.setattr(command, "reading", running)
    monkeypatch.setattr(
        command.time, "sleep", lambda seconds: seen.append((home.path / "report.html").read_bytes())
    )
    code, _, err = told(capsys)
    page = (home.path / "report.html").read_bytes()
    assert code == 0 and b"The sweep runs." in page and b"http-equiv='refresh'" not in page
    assert err == "the sweep runs: 9 of 9 trials ended so far; --watch writes the page anew until its end\n"
    code, _, _ = told(capsys, "--watch")
    assert code == 0 and len(seen) == 2
    assert all(b"http-equiv='refresh' content='10'" in page for page in seen)
    assert b"http-equiv='refresh'" not in (home.path / "report.html").read_bytes()


def test_png_files_without_kaleido_are_refused_with_what_to_install(
    home: SweepHome, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kaleido", None)
    code, _, err = told(capsys, "--png", "figures")
    assert code == 1 and err == "PNG files are drawn by kaleido: pip install 'paceline[png]'\n"
    assert not Path("figures").exists()
