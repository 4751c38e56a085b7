"""The order of the trials, and the champion among them: the same in the terminal, in files and in MLflow."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cluster.cli.main import main
from cluster.terminal.leaderboard_file import Leaderboard
from tests.helpers.finished_sweep_without_ray import FAILING, raced, tracked
from tracking import names

SPLIT = {"mean": 0.8, "ci95": [0.7, 0.9], "seeds": 3}
ORDER = [1, 4, 7, 0, 3, 5, 6, 8, FAILING]


def finalist(number: int, **roles: bool) -> dict[str, Any]:
    values = {"search_value": 0.9, "validation_mean": 0.85, "test": SPLIT, "failed_seeds": []}
    return {"number": number, "champion": False, "default": False, **roles, **values}


VERDICT = {
    "metric": "test_accuracy",
    "winner": {"number": 4, "params": {}, **SPLIT},
    "default": {"number": 0, **SPLIT},
    "difference": {"mean": 0.0, "ci95": [-0.1, 0.1], "seeds": 3},
    "finalists": [finalist(4, champion=True), finalist(1), finalist(0, default=True)],
    "why": "t004 has the best mean.",
}


def tied(trial: int, epoch: int) -> float:
    """Two values for all trials; the one that fails has the best of all."""
    return 0.95 if trial == FAILING else 0.9 if trial in (1, 4, 7) else 0.8


@pytest.mark.parametrize("verdict", [None, VERDICT])
def test_equal_values_have_one_order_in_every_place(
    verdict: dict[str, Any] | None,
    sqlite_uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mlflow import MlflowClient

    monkeypatch.chdir(tmp_path)
    home = raced(f"tracking.uri={sqlite_uri}", "early_terminate=none", score=tied, verdict=verdict)
    tracker = tracked(home)
    tracker.conclude("finished", verdict)
    assert tracker.close(30)
    client = MlflowClient(sqlite_uri)
    [experiment] = [found for found in client.search_experiments() if found.name == "wines"]
    view = json.loads(json.loads(experiment.tags[names.SHARED_VIEW + home.id])["state"])
    order = f"{view['orderByKey']} {'ASC' if view['orderByAsc'] else 'DESC'}"
    runs = client.search_runs([experiment.experiment_id], view["searchFilter"], order_by=[order])
    assert [int(run.data.tags["trial.number"]) for run in runs] == ORDER
    finals = {run.data.tags["trial.number"]: run.data.tags["trial.final"] for run in runs}
    told = {} if verdict is None else {"4": "champion", "1": "finalist", "0": "defaults"}
    assert {number: final for number, final in finals.items() if final} == told
    shown = {column.split(".", 1)[1].strip("`") for column in view["selectedColumns"]}
    assert {"place", "trial.final"} <= shown
    capsys.readouterr()
    assert main(["show"]) == 0
    table = re.findall(r"^t(\d+) (★?)", capsys.readouterr().out, re.M)
    assert [int(number) for number, _ in table] == ORDER
    champion = 1 if verdict is None else 4
    assert [int(number) for number, star in table if star] == [champion]
    [sweep] = client.search_runs([experiment.experiment_id], "tags.`sweep.role` = 'sweep'")
    note = sweep.data.tags["mlflow.note.content"]
    assert note.startswith(f"**{'Best in search' if verdict is None else 'Champion'}: t{champion:03d}, ")
    path = client.download_artifacts(sweep.info.run_id, names.LEADERBOARD_CSV, str(tmp_path))
    rows = list(csv.DictReader(Path(path).read_text().splitlines()))
    assert [int(row["trial"]) for row in rows] == ORDER
    assert [row["trial"] for row in rows if row.get("champion")] == ([] if verdict is None else ["4"])
    assert main(["best", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["number"] == champion


def test_files_of_the_leaderboard_hold_what_json_and_csv_can() -> None:
    board = Leaderboard(["trial", "x", "error"], [[0, float("inf"), None], [1, 0.1, 'a "b",\nc']])
    assert json.loads("".join(board.json())) == {"columns": board.columns, "data": [[0, None, None], board.rows[1]]}
    assert list(csv.reader("".join(board.csv()).splitlines(keepends=True))) == [
        board.columns,
        ["0", "inf", ""],
        ["1", "0.1", 'a "b",\nc'],
    ]
