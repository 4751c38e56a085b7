"""An Optuna study as a spec, with its trials as what the new sweep knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from cluster.sweep.knowledge.warm_start import collected, keep_trials
from search_spaces.spec.imported.optuna_study import NoStudy, from_study, known_trials, open_study
from search_spaces.spec.imported.read import spec_text
from search_spaces.spec.sweep import Sweep, parse_sweep
from workloads.models.custom.workload import workload_of
from workloads.registry import catalogue


def train(run, *, lr: float = 0.01, depth: int = 2, kind: str | None = "a") -> None:  # type: ignore[no-untyped-def]
    """Train."""


def made(storage: str, pruned: bool = True) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=storage, study_name="tuned", direction="maximize")

    def objective(trial: optuna.Trial) -> float:
        lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        depth = trial.suggest_int("depth", 1, 5, step=2)
        kind = trial.suggest_categorical("kind", ["a", None, "b"])
        for step in range(3):
            trial.report(lr * (step + 1) + depth, step)
            if pruned and trial.number % 3 == 2:
                raise optuna.TrialPruned
        return lr * 3 + depth + (kind == "a")

    study.optimize(objective, n_trials=9)


def spec_of(text: str, folder: Path) -> Sweep:
    known = catalogue()
    workload = workload_of("mine:train", train)
    with_ours = replace(known, workload=lambda name: workload)
    overrides = ["metric={name: score, goal: maximize}", "final=none"]
    return parse_sweep(text, "sweep.yaml", folder, overrides, catalogue=with_ours)


def test_its_space_and_its_trials_are_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(f"sqlite:///{tmp_path / 'study.db'}")
    study = open_study(str(tmp_path / "study.db"))
    known = known_trials(study)
    assert known is not None and (known.goal, known.epochs, len(known.trials)) == ("maximize", 3, 9)
    assert [one["state"] for one in known.trials[:3]] == ["done", "done", "stopped"]
    assert list(known.trials[0]["values"]) == [1, 2, 3] and list(known.trials[2]["values"]) == [1]
    keep_trials(tmp_path / "sweep.trials.json", known)
    found = from_study(study, known, "./sweep.trials.json")
    sweep = spec_of(spec_text(found.tree, "a study", []), tmp_path)
    assert {name: str(domain) for name, domain in sweep.space.domains.items()} == {
        "lr": "0.0001 to 0.1, log scale",
        "depth": "1 to 5, whole in steps of 2",
        "kind": "one of a, null, b",
    }
    assert (sweep.epochs, sweep.trials, sweep.metric.goal) == (3, 20, "maximize")
    described = workload_of("mine:train", train)
    monkeypatch.setattr("cluster.sweep.knowledge.warm_start.described", lambda name: described)
    [taken] = collected(sweep, "sweep.yaml").warm.taken
    assert (taken.shown, taken.outside, taken.no_value) == (9, 0, 0)


def test_a_storage_that_holds_no_or_several_studies_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoStudy, match="there is no file"):
        open_study(str(tmp_path / "none.db"))
    url = f"sqlite:///{tmp_path / 'two.db'}"
    for name in ("a", "b"):
        optuna.create_study(storage=url, study_name=name)
    with pytest.raises(NoStudy, match=r"holds 2 studies: name one behind #, as .*#a"):
        open_study(url)
    assert known_trials(open_study(f"{url}#b")) is None
    with pytest.raises(NoStudy, match="holds no study 'c', but a, b"):
        open_study(f"{url}#c")
    (tmp_path / "broken.db").write_text("no database")
    with pytest.raises(NoStudy, match="cannot be read as Optuna's storage"):
        open_study(str(tmp_path / "broken.db"))


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NoStudy, match="there is no file"):
        open_study(f"sqlite:///{tmp_path / 'none.db'}#tuned")
    assert not (tmp_path / "none.db").exists()
