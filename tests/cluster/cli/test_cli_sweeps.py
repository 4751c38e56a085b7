"""Commands that look at sweeps: on real homes with real journals, raced without Ray."""

from __future__ import annotations

import json
import os
import shutil
import webbrowser
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cluster.cli.commands.stop_and_ui import _port
from cluster.cli.main import main
from cluster.sweep.home import SweepHome
from search_spaces.spec.sweep import load_sweep, parse_sweep
from search_spaces.study.study import Study
from search_spaces.types.values import stored
from tests.helpers.finished_sweep_without_ray import FAILING, SPEC, TRACKING, raced
from tracking.names import SWEEP_STATUS
from workloads.registry import catalogue

POPULATION = "early_terminate: {type: pbt, population: 9, interval: 2}\nfinal: none\n"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    assert main(list(argv)) == code, capsys.readouterr().err
    out, err = capsys.readouterr()
    return err if code else out


def test_show_tells_the_last_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced()
    text = printed(capsys, "show")
    for part in (
        f"wines-{home.id} finished: 9 trials", "1 failed) in 0:01:05", "t008 ★",
        "best in search  t008  val_accuracy 0.5890",
        "1 trial (t002) failed with:\nTraceback:\n  deep\nValueError: it diverged", "saved", TRACKING["url"],
        f"paceline ui {home.id}",
    ):  # fmt: skip
        assert part in text, text
    assert len([line for line in printed(capsys, "show", "--top", "3").splitlines() if line.startswith("t0")]) == 3


def test_show_as_json_is_the_document_of_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced()
    document = json.loads(printed(capsys, "show", home.id[:3], "--json"))
    assert {"sweep", "state", "metric", "trials", "best", "verdict", "cost", "tracking"} <= set(document)
    assert (document["sweep"], document["state"], document["best"]["number"]) == (home.id, "finished", 8)
    assert [trial["number"] for trial in document["trials"]] == list(range(9))
    assert document["trials"][FAILING]["state"] == "failed"
    assert {"epochs", "value", "best_value", "params", "run_id", "error"} <= set(document["trials"][0])
    assert document["cost"]["epochs_trained"] == sum(trial["epochs"] for trial in document["trials"])


def test_best_prints_and_writes_the_best_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced()
    told = json.loads(printed(capsys, "best", "--json"))
    assert told["number"] == 8
    assert YAML(typ="safe").load(printed(capsys, "best")) == told["params"]
    assert "best.yaml" in printed(capsys, "best", home.id, "-o", "best.yaml")
    alone = load_sweep(Path("best.yaml"), catalogue=catalogue())
    assert alone.trials == 1 and not alone.space.domains
    assert {name: alone.constants[name] for name in told["params"]} == told["params"]
    assert "trials      1," in printed(capsys, "check", "best.yaml")
    assert "is there already" in printed(capsys, "best", "-o", "best.yaml", code=2)


@pytest.mark.parametrize("more", ["retest: 0.3", "stop_when: {no_improvement: 9}"])
def test_what_a_best_configuration_is_written_to_can_be_run(more: str, capsys: pytest.CaptureFixture[str]) -> None:
    raced(text=f"{SPEC}{more}\n")
    printed(capsys, "best", "-o", "best.yaml")
    assert "trials      1," in printed(capsys, "check", "best.yaml")


def test_best_of_a_population_is_the_way_of_the_weights_that_won(capsys: pytest.CaptureFixture[str]) -> None:
    """The last trial wins with the weights of others, and its own first values have nothing to do with it."""
    home = raced(text=SPEC + POPULATION, score=lambda trial, epoch: epoch / 10 + (trial - 4) * (epoch - 5) / 100)
    told = json.loads(printed(capsys, "best", "--json"))
    first, *later = told["stages"]
    trials = {trial["number"]: trial for trial in json.loads(printed(capsys, "show", "--json"))["trials"]}
    assert first["epoch"] == 0 and later and later[-1]["trial"] == told["number"]
    assert first["params"] == trials[first["trial"]]["params"] != told["params"]
    (change,) = [one for one in trials[told["number"]]["changes"] if one["epoch"] == later[-1]["epoch"]]
    assert change["params"].items() <= later[-1]["params"].items()
    text = printed(capsys, "best")
    assert YAML(typ="safe").load(text) == first["params"], text
    assert f"#   from epoch {later[-1]['epoch'] + 1} on, in t{told['number']:03d}" in text
    assert f"lr: {later[-1]['params']['lr']}" in text and len(text.splitlines()) == 2 + 1 + len(later) + 2
    printed(capsys, "best", "-o", "best.yaml")
    alone = load_sweep(Path("best.yaml"), catalogue=catalogue())
    assert alone.constants["lr"] == first["params"]["lr"]
    lines = printed(capsys, "show", home.id).splitlines()
    [line] = [line for line in lines if line.startswith(f"t{told['number']:03d}")]
    assert "→" in line, "and not the first value of weights that were thrown away"


def test_a_sweep_without_a_successful_trial_has_no_best(capsys: pytest.CaptureFixture[str]) -> None:
    sweep = parse_sweep(SPEC, "spec.yaml", Path.cwd(), catalogue=catalogue())
    home = SweepHome.create(sweep)
    assert f"sweep {home.id} has no successful trial" in printed(capsys, "best", code=2)
    assert "stopped: 0 trials" in printed(capsys, "show")


def test_ls_lists_the_newest_first(capsys: pytest.CaptureFixture[str]) -> None:
    old, new = raced("name=old"), raced("name=new", phase="search")
    os.utime(old.spec, (1e9, 1e9))
    os.utime(new.spec, (1e9 + 1, 1e9 + 1))  # in the same minute
    rows = json.loads(printed(capsys, "ls", "--json"))
    assert [(row["sweep"], row["name"], row["state"]) for row in rows] == [
        (new.id, "new", "stopped"),
        (old.id, "old", "finished"),
    ]
    lines = printed(capsys, "ls").splitlines()
    assert lines[0].split() == ["id", "name", "workload", "state", "trials", "best", "started", "owner", "target"]
    assert lines[1].startswith(new.id)
    assert "9/9" in lines[2]
    assert "val_accuracy 0.5890" in lines[2]


@pytest.mark.parametrize(
    ("left", "word"),
    [
        ({}, "finished"),
        ({"phase": "search"}, "stopped"),
        ({"phase": "interrupted"}, "stopped"),  # of an earlier version
        ({"phase": "finished", "most_legs": 0}, "failed"),
    ],
)
def test_a_sweeps_state_is_one_word_in_every_place(
    left: dict[str, Any], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    raced(**left)
    shown, status = (json.loads(printed(capsys, name, "--json")) for name in ("show", "status"))
    [listed] = json.loads(printed(capsys, "ls", "--json"))
    assert [shown["state"], shown["status"], status["state"], listed["state"]] == [word] * 4
    assert all(
        f" {word}" in printed(capsys, name).splitlines()[i] for name, i in (("show", 0), ("status", 0), ("ls", 1))
    )
    assert word in SWEEP_STATUS


def test_as_many_epochs_are_trained_as_check_says_or_more(capsys: pytest.CaptureFixture[str]) -> None:
    trained = []
    for better in (-1, 1):  # later trials are worse, and better
        home = raced(
            "trials=20", score=lambda trial, epoch, better=better: 0.5 + better * trial / 100 + epoch / 1000
        )
        trained.append(json.loads(printed(capsys, "show", "--json"))["cost"]["epochs_trained"])
    planned = json.loads(printed(capsys, "check", str(home.spec), "--json"))["epochs"]
    assert trained[0] == planned < trained[1]
    told = f"epochs      about {planned} of 180; more where later trials turn out better\n"
    assert told in printed(capsys, "check", str(home.spec))


def test_an_unknown_id_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced()
    assert home.id in printed(capsys, "show", "zzzz", code=2)


def test_stop_says_that_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced()
    assert f"sweep {home.id} is not running" in printed(capsys, "stop", code=1)


def test_ui_prints_the_links_where_the_store_is_a_server_already(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, opened = raced(), list[str]()
    monkeypatch.setattr(webbrowser, "open", lambda url: not opened.append(url))
    text = printed(capsys, "ui")
    assert opened == []
    assert printed(capsys, "ui", "--open") == text and opened == [text.split()[1]]
    assert text.startswith("leaderboard  http://127.0.0.1:9/#/experiments/7/runs?")
    assert text.count(home.id) == 2


def test_ui_serves_where_the_sweeps_link_leads() -> None:
    assert _port({"url": "http://127.0.0.1:5003/#/experiments/1/runs"}) == 5003
    assert _port({"url": "https://mlflow.example.org:444/#/experiments/1/runs"}) == _port({}) == 5000


def test_ui_without_anything_in_mlflow_is_a_plain_failure(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced(tracking={})
    assert f"sweep {home.id} has written nothing" in printed(capsys, "ui", code=1)


def test_a_sweep_that_has_just_begun_is_starting(capsys: pytest.CaptureFixture[str]) -> None:
    home = SweepHome.create(parse_sweep(SPEC, "spec.yaml", Path.cwd(), catalogue=catalogue()))
    with home.driven():
        assert printed(capsys, "show").startswith(f"wines-{home.id} is starting: it has no trial yet")
        assert json.loads(printed(capsys, "show", "--json"))["state"] == "running"
    assert "stopped: 0 trials" in printed(capsys, "show")


def test_importance_is_told_where_there_are_trials_enough(capsys: pytest.CaptureFixture[str]) -> None:
    raced()
    assert json.loads(printed(capsys, "show", "--json"))["importance"] is None
    assert "importance" not in printed(capsys, "show")
    raced("trials=30", "early_terminate=none")
    shares = json.loads(printed(capsys, "show", "--json"))["importance"]
    assert set(shares) == {"lr", "batch_size"}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    assert "importance for val_accuracy " in printed(capsys, "show")


def test_importance_is_read_where_the_driver_kept_it_for_the_same_trials(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Computing it takes seconds with many trials and parameters."""
    kept = {"lr": 0.75, "batch_size": 0.25}
    for trials, expected in ((29, True), (28, False)):  # trial 2 of the 30 fails
        raced("trials=30", "early_terminate=none", importance={"trials": trials, "shares": kept})
        assert (json.loads(printed(capsys, "show", "--json"))["importance"] == kept) == expected


@pytest.mark.parametrize(
    ("trials", "sizes", "known"),
    [(21, "[32, 64]", True), (20, "[32, 64]", False), (21, "[16, 32]", False)],  # trial 2 fails, trial 0 has 64
)
def test_importance_counts_what_the_reference_says(
    trials: int, sizes: str, known: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    raced(f"trials={trials}", "early_terminate=none", f"parameters.batch_size.values={sizes}")
    document = json.loads(printed(capsys, "show", "--json"))
    assert document["trials"][0]["params"]["batch_size"] == 64
    assert (document["importance"] is not None) == known == ("importance" in printed(capsys, "show"))


def test_what_early_stopping_saved_is_the_documents_cost(capsys: pytest.CaptureFixture[str]) -> None:
    raced()
    cost = json.loads(printed(capsys, "show", "--json"))["cost"]
    whole = cost["epochs_trained"] + cost["epochs_saved"]
    told = f"{cost['epochs_trained']} of {whole} search epochs trained (early stopping saved "
    assert told + f"{round(100 * cost['epochs_saved'] / whole)} %)" in printed(capsys, "show")


def test_a_sweep_with_nothing_left_to_do_is_not_driven_again(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced(complete=True)
    before = home.journal.read_bytes()
    assert main(["resume"]) == 0
    out, err = capsys.readouterr()
    assert f"sweep {home.id} has finished" in err and f"paceline resume {home.id} --trials +20" in err
    assert f"wines-{home.id} finished: 9 trials" in out
    assert home.journal.read_bytes() == before


def test_a_copied_folder_has_the_store_that_was_copied_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = raced()
    known = f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    study = Study(home.id, "maximize", home.journal)
    study.set("tracking", {"uri": known})
    study.flush()
    Path("mlflow.db").touch()
    assert json.loads(printed(capsys, "show", "--json"))["tracking"]["uri"] == known
    copied = tmp_path.parent / f"{tmp_path.name}-copied"
    shutil.copytree(Path.cwd(), copied)
    monkeypatch.chdir(copied)
    assert json.loads(printed(capsys, "show", "--json"))["tracking"]["uri"] == f"sqlite:///{copied / 'mlflow.db'}"


SCRIPT = """
program: train.py
epochs: 3
trials: 3
metric: {name: val_accuracy, goal: maximize}
parameters:
  depth: {values: [null]}
  layers: {values: [[64, 64]]}
  how: {values: [{a: [1]}, 'b']}
start_from: [{depth: null, layers: [64, 64], how: {a: [1]}}]
early_terminate: none
"""


def test_best_of_lists_and_null_is_written_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text("")
    raced(text=SCRIPT, most_legs=1)
    told = json.loads(printed(capsys, "best", "--json"))["params"]
    assert told == {"depth": None, "layers": [64, 64], "how": {"a": [1]}}
    printed(capsys, "best", "-o", "best.yaml")
    assert stored(load_sweep(Path("best.yaml"), catalogue=catalogue()).constants) == told
