"""`paceline ui --optuna`: optuna-dashboard on the study as it is, asked for trials and kept from changing it."""

from __future__ import annotations

import json
import re
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
import pytest

from cluster.cli.main import main
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from search_spaces.space.domains import Uniform
from search_spaces.space.space import Space
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import StudyAway
from tests.helpers.commands import Folder
from tests.helpers.finished_sweep_without_ray import raced
from tests.helpers.postgres import Postgres
from tracking.ui import optuna_dashboard
from tracking.ui.optuna_dashboard import dashboard

pytestmark = pytest.mark.skipif(
    find_spec("optuna_dashboard") is None, reason="the extra dashboard is not installed"
)
SPACE = Space({"lr": Uniform(1e-4, 1e-1, log=True)})
STATES = {"done": "Complete", "stopped": "Pruned", "failed": "Fail"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepHome:
    monkeypatch.chdir(tmp_path)
    return raced()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Function that starts the server in a thread and returns the link to the study."""
    running = []

    def start(place: Path | str, name: str) -> str:
        served = dashboard(place, name, 0)
        running.append(served.server)
        threading.Thread(target=served.run, daemon=True).start()
        return served.url

    yield start
    for server in running:
        server.shutdown()


def api(link: str) -> str:
    return link.replace("/dashboard/", "/api/")


def asked(link: str) -> dict[str, Any]:
    with urllib.request.urlopen(api(link), timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def refusal(url: str, method: str, body: object = None) -> tuple[int, str]:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    return refused.value.code, json.load(refused.value)["reason"]


def test_the_command_serves_the_sweeps_trials_until_ctrl_c(home: SweepHome, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in home.path.iterdir() if path.is_file()}
    rows = Reading.of(home).rows
    with Folder(tmp_path).start("ui", "--optuna", "--port", "0") as served:
        assert served.stdout is not None and served.stderr is not None
        told = [served.stdout.readline() for _ in range(3)]
        [link] = re.findall(
            r"^study  (http://127\.0\.0\.1:\d+/dashboard/studies/\d+)$", "".join(told), re.MULTILINE
        )
        study = asked(link)
        with urllib.request.urlopen(link, timeout=30) as page:
            assert b"<title>Optuna Dashboard</title>" in page.read()
        served.send_signal(signal.SIGINT)
        assert served.wait(30) == 0
        assert (served.stdout.read(), served.stderr.read()) == ("\nended\n", "")

    assert study["name"] == home.id
    assert [trial["number"] for trial in study["trials"]] == [row.number for row in rows]
    for trial, row in zip(study["trials"], rows, strict=True):
        assert trial["state"] == STATES[row.state]
        assert [point["value"] for point in trial["intermediate_values"]] == list(row.curve.values())
        params = {one["name"]: float(one["param_external_value"]) for one in trial["params"]}
        assert params == {name: pytest.approx(value, rel=1e-15) for name, value in row.params.items()}
        if row.state == "done":
            assert trial["values"] == [row.best_value]
    assert {path.name: path.read_bytes() for path in home.path.iterdir() if path.is_file()} == before


def test_nothing_can_be_changed_and_what_the_driver_adds_is_shown(
    home: SweepHome, serve: Callable[..., str]
) -> None:
    link, before = serve(home.journal, home.id), home.journal.read_bytes()
    root = api(link)
    note = {"body": "a note", "version": 1}
    first = asked(link)["trials"][0]["trial_id"]
    trials = f"{root.rpartition('/studies')[0]}/trials/{first}"
    for method, url, body in (
        ("PUT", f"{root}/note", note),
        ("DELETE", root, None),
        ("POST", f"{root}/rename", {"study_name": "other"}),
        ("POST", f"{trials}/user-attrs", {"user_attrs": {"progress": 1}}),
        ("POST", f"{trials}/tell", {"state": "fail"}),
    ):
        assert refusal(url, method, body) == (405, optuna_dashboard.REFUSED)
    assert home.journal.read_bytes() == before and not Path(f"{home.journal}.lock").exists()
    with pytest.raises(PermissionError):
        optuna_dashboard._journal(home.journal).set_study_user_attr(0, "key", 1)
    assert home.journal.read_bytes() == before

    study = Study(home.id, "maximize", home.journal)
    number = study.add(SPACE, {"lr": 0.01})
    study.report(number, 1, 0.75)
    study.flush()
    study.close()
    fresh = asked(serve(home.journal, home.id))["trials"]
    assert fresh[-1]["number"] == number and fresh[-1]["intermediate_values"][0]["value"] == 0.75


def test_a_study_in_postgresql_is_served_by_connections_that_cannot_write(
    pg: Postgres, serve: Callable[..., str]
) -> None:
    url = pg.create("looked_at")
    study = Study("toy", "maximize", url)
    for value in (0.25, 0.5):
        number = study.add(SPACE, {"lr": value / 10})
        study.report(number, 1, value)
        study.tell(number, "done", value)
        study.flush()  # its driver stays connected
    link = serve(url, "toy")
    assert [trial["values"] for trial in asked(link)["trials"]] == [[0.25], [0.5]]
    with pytest.raises(optuna.exceptions.StorageInternalError) as refused:
        optuna_dashboard._database(url).set_study_user_attr(1, "key", 1)
    assert "read-only transaction" in str(refused.value.__cause__)
    with pytest.raises(LookupError, match="no study 'other'"):
        dashboard(url, "other", 0)
    with pytest.raises(StudyAway):
        dashboard(pg.url("nowhere"), "toy", 0)
    study.close()


def test_what_cannot_be_served_is_refused(
    home: SweepHome, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LookupError, match="no study 'other' here yet"):
        dashboard(home.journal, "other", 0)
    with pytest.raises(FileNotFoundError, match="no journal here"):
        dashboard(home.path / "none.log", home.id, 0)
    assert not (home.path / "none.log").exists()
    monkeypatch.setattr(optuna_dashboard, "find_spec", lambda name: None)
    assert main(["ui", "--optuna"]) == 1
    assert "pip install 'paceline[dashboard]'" in capsys.readouterr().err
