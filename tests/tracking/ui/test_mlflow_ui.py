"""The links into MLflow's UI, the page that they open, the server behind it, and the registered model."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.small_sweep_in_mlflow import HEADER, SWEEP, open_writer, params, runs_of, write_trial
from tracking import names
from tracking.store.records import Best, FoundRun, RunFacts
from tracking.ui import server as ui
from tracking.ui import shared_view
from tracking.ui.server import Server, charts_url, leaderboard_url
from tracking.writer.reconcile import _new_means


def viewed(tag: str) -> dict[str, Any]:
    """Return the view in the envelope that MLflow's UI lists under its name."""
    envelope = json.loads(tag)
    assert set(envelope) == {"name", "createdAt", "updatedAt", "state"} and envelope["name"].startswith(
        "digits-mlp "
    )
    state: dict[str, Any] = json.loads(envelope["state"])
    return state


def seen_in_chromium(folder: Path, *urls: str) -> list[str]:
    """Return each page's DOM; the pages are opened side by side."""
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1800,1200"]
    command += ["--virtual-time-budget=60000", "--dump-dom"]
    tabs = [
        subprocess.Popen(
            [*command, f"--user-data-dir={folder / f'profile{i}'}", url],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for i, url in enumerate(urls)
    ]
    return [tab.communicate(timeout=120)[0] for tab in tabs]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_the_links_open_the_leaderboard_and_the_charts(server: Server, tmp_path: Path) -> None:
    header = HEADER.__class__(**{**HEADER.__dict__, "sweep_id": "seen", "experiment": "seen"})
    writer = open_writer(server.url, tmp_path / "spool", header=header)
    for number, epochs in ((0, 3), (1, 4), (2, 3)):  # equal values of t001 and t002
        write_trial(writer, number, epochs)
    writer.trial("t0001-s1", 1, "final", params(1))
    writer.rank(["t0001", "t0002", "t0000"], {"t0002": "champion"})
    assert writer.close(60)
    assert writer.experiment_id is not None
    links = [link(server.url, writer.experiment_id, "seen") for link in (leaderboard_url, charts_url)]
    plain = f"{server.url}/#/experiments/{writer.experiment_id}/runs?workflowType=machine_learning"
    board, charts, runs = seen_in_chromium(tmp_path, *links, plain)
    titles = [names.trial_title(f"t{number:04d}", params(number), HEADER.searched) for number in (1, 2, 0)]
    places = [board.find(title) for title in titles]
    assert -1 not in places and places == sorted(places), (
        "the terminal's order: of equal values the lowest number first"
    )
    assert all(column in board for column in ("best_val_accuracy", "optimizer", "train_seconds", "trial.final"))
    assert board.count(">champion<") == 1 and "t001 seed 1" not in board
    assert "digits-mlp seen</span>" in board, "the view has a name, under which Views lists it"
    assert "Sweep seen" in charts and "xparam.log10_lr vs. best_val_accuracy" in charts
    assert "digits-mlp seen" in runs and not any(title in runs for title in titles), (
        "trials are nested below their sweep"
    )


def test_the_shared_view_shows_this_sweep(finished_uri: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(finished_uri)
    experiment = client.get_experiment_by_name("digits")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    view = viewed(experiment.tags[f"mlflow.sharedViewState.{SWEEP}"])
    found = client.search_runs(
        [experiment.experiment_id], view["searchFilter"], order_by=[f"{view['orderByKey']} DESC"]
    )
    assert [run.data.tags["trial.number"] for run in found] == ["5", "4", "3", "2", "1", "0", "6"]
    first = found[0].data
    for column in view["selectedColumns"]:
        kind, _, key = column.partition(".")
        assert key.strip("`") in getattr(first, kind)
    charts = {chart["type"]: chart for chart in view["compareRunCharts"]}
    assert charts["PARALLEL"]["selectedParams"] == ["optimizer"]
    assert charts["PARALLEL"]["selectedMetrics"] == ["xparam.log10_lr", "xparam.width", "best_val_accuracy"]
    assert set(charts["PARALLEL"]["selectedMetrics"]) <= set(first.metrics)


def test_a_view_of_many_long_parameters_fits_mlflows_tag() -> None:
    searched = tuple(f"{'very_long_name' * 10}{number}" for number in range(200))
    header = replace(HEADER, searched=searched, by_mean=True)
    [view] = shared_view.shared_views(header).values()
    assert len(view) <= shared_view.MAX_VIEW
    assert "No trial" in shared_view.note(header, None)
    assert shared_view.note(header, Best(number=3, value=0.25, params={"lr": 0.1})).startswith(
        "**Best in search: t003, val_accuracy 0.25**"
    )


def test_a_view_has_one_row_a_sweep(finished_uri: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(finished_uri)
    experiment = client.get_experiment_by_name("digits")
    envelope = json.loads(experiment.tags["mlflow.sharedViewState.sweeps"])
    view = json.loads(envelope["state"])
    assert envelope["name"] == "all sweeps" and not any(name.startswith("compareRun") for name in view)
    [found] = client.search_runs([experiment.experiment_id], view["searchFilter"])
    assert found.data.tags["sweep.id"] == SWEEP
    assert "metrics.`test_accuracy_gain_vs_default`" in view["selectedColumns"]
    assert f"{view['orderByKey']} DESC" == "attributes.start_time DESC"


def test_charts_say_how_many_of_the_trials_they_draw() -> None:
    def heading(ranked: int) -> str:
        [view] = shared_view.shared_views(HEADER, ranked).values()
        assert viewed(view)["compareRunCharts"][0]["showAllRuns"] is False, "else MLflow says that it shows all"
        [section] = viewed(view)["compareRunSections"]
        return str(section["name"])

    assert heading(0) == heading(100) == f"Sweep {SWEEP}"
    assert heading(300) == f"Sweep {SWEEP}: the 100 best of 300 trials, until 'Load more' in the table adds others"


def test_the_note_names_all_objectives_and_repeats_sort_by_the_mean() -> None:
    several = replace(HEADER, overview={"metrics": "maximize val_accuracy and minimize latency_ms"})
    assert "workload mlp, maximize val_accuracy and minimize latency_ms by tpe." in shared_view.note(several, None)
    best = Best(number=3, value=0.25, params={"lr": "0.01→0.02"}, why="Mean 0.25.", recommended=True)
    assert shared_view.note(HEADER, best).startswith("**Recommended: t003, val_accuracy 0.25** with `lr=0.01→0.02`")
    [view] = shared_view.shared_views(replace(HEADER, by_mean=True)).values()
    assert viewed(view)["orderByKey"] == "metrics.`mean_val_accuracy`"
    assert "metrics.`num_seeds`" in viewed(view)["selectedColumns"]
    [view] = shared_view.shared_views(HEADER).values()
    assert viewed(view)["orderByKey"] == "metrics.`best_val_accuracy`"


def test_a_mean_that_changed_after_the_trials_end_is_what_a_resume_tells_mlflow() -> None:
    told = {"mean_val_accuracy": 0.9, "num_seeds": 3.0, "best_val_accuracy": 0.95}
    facts = RunFacts(number=1, role="trial", params={}, state="done", summary=told)
    run = FoundRun(run_id="r", status="FINISHED", start_ms=0)
    run.metrics = {"mean_val_accuracy": (0.95, 0), "num_seeds": (3.0, 0)}
    assert _new_means("val_accuracy", facts, run) == {"mean_val_accuracy": 0.9}
    assert _new_means("val_accuracy", replace(facts, summary={"best_val_accuracy": 0.95}), run) == {}


def test_the_printed_port_is_the_one_that_the_ui_will_have(server: Server, tmp_path: Path) -> None:
    header = HEADER.__class__(**{**HEADER.__dict__, "sweep_id": "port"})
    writer = open_writer(server.url, tmp_path / "spool", header=header)
    assert writer.close(60)
    experiment, port = str(writer.experiment_id), int(server.url.rpartition(":")[2])
    assert ui.local_url(experiment, "port", first=port) == server.url, "a server of this store runs there"
    other = ui.local_url(experiment, "other", first=port)
    assert other == f"http://127.0.0.1:{ui.free_port(port)}" != server.url
    with socket.create_server(("127.0.0.1", ui.free_port(port))) as taken:  # it never answers
        assert taken.getsockname()[1] < int(ui.local_url(experiment, "other", first=port).rpartition(":")[2])


def test_links() -> None:
    link = ui.leaderboard_url("http://host:5000/", "7", SWEEP)
    assert link == f"http://host:5000/#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey={SWEEP}"
    assert ui.charts_url("http://host:5000", "7", SWEEP) == f"{link}&compareRunsMode=CHART"


def test_serving_what_cannot_be_served_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no MLflow store here yet"):
        ui.serve(f"sqlite:///{tmp_path / 'none.db'}", 0, tmp_path / "log")
    with pytest.raises(ValueError, match="server already"):
        ui.serve("http://localhost:5000", 0, tmp_path / "log")
    (tmp_path / "junk.db").write_text("this is no database, whatever its name says" * 100)
    with pytest.raises(ChildProcessError):
        ui.serve(f"sqlite:///{tmp_path / 'junk.db'}", 0, tmp_path / "log")


def test_a_winner_is_registered_once_and_the_next_one_takes_its_place(
    finished_uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    import mlflow
    import torch
    from torch import nn

    from tracking.results.registered_model import Candidate, Example, register
    from tracking.results.safe_model import load

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    inputs = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    example = Example(inputs, model(torch.from_numpy(inputs)).detach().numpy())
    run_id, better = (runs_of(finished_uri)[key][0].info.run_id for key in ("t0003-s1", "t0005"))
    candidate = Candidate(name="digits-mlp", sweep_id=SWEEP, run_id=run_id, metadata={"test_accuracy": "0.9"})
    first, second = (register(finished_uri, candidate, model, example) for _ in range(2))
    assert first == second
    other = register(finished_uri, Candidate(**{**candidate.__dict__, "run_id": better}), model, example)
    assert int(other.version) == int(first.version) + 1

    client = mlflow.MlflowClient(finished_uri)
    assert len(client.search_model_versions("name = 'digits-mlp'")) == 2
    champion = client.get_model_version_by_alias("digits-mlp", "champion")
    assert (str(champion.version), champion.run_id, champion.tags["test_accuracy"]) == (
        other.version,
        better,
        "0.9",
    )
    assert [client.get_run(run).info.status for run in (run_id, better)] == ["FINISHED", "FINISHED"]
    capfd.readouterr()
    loaded = load(finished_uri, other.uri)
    assert capfd.readouterr() == ("", ""), "no progress bars among the lines of a sweep"
    batch = torch.randn(11, 4)
    torch.testing.assert_close(loaded(batch), model(batch))


def test_a_registration_that_died_is_gone_on_with(sqlite_uri: str, tmp_path: Path) -> None:
    from mlflow import MlflowClient
    from torch import nn

    from tests.helpers.small_sweep_in_mlflow import open_writer
    from tracking.results.registered_model import Candidate, Example, register

    writer = open_writer(sqlite_uri, tmp_path / "spool")
    writer.trial("t0003-s1", 3, "final", {"lr": 0.5})
    writer.state("t0003-s1", "done", {})
    assert writer.close(60)
    run_id, client = writer.run_ids["t0003-s1"], MlflowClient(sqlite_uri)
    inputs = np.zeros((2, 4), dtype="float32")
    order = Candidate(name="digits-mlp", sweep_id=SWEEP, run_id=run_id, metadata={})
    example = Example(inputs, inputs[:, :1])
    client.create_logged_model(writer.experiment_id, "model", source_run_id=run_id)  # died while it was uploaded
    client.update_run(run_id, "RUNNING")
    first = register(sqlite_uri, order, nn.Linear(4, 1).eval(), example)
    client.delete_model_version("digits-mlp", first.version)  # died before there was one
    register(sqlite_uri, order, nn.Linear(4, 1).eval(), example)
    [model] = client.search_logged_models([writer.experiment_id])
    [version] = client.search_model_versions("name = 'digits-mlp'")
    champion = client.get_model_version_by_alias("digits-mlp", "champion")
    assert (champion.source, champion.run_id, champion.version) == (model.model_uri, run_id, version.version)
    assert client.get_run(run_id).info.status == "FINISHED"
