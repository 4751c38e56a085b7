"""Results that a sweep takes over from earlier ones of its folder, and when it must not."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cluster.sweep.document import document
from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge import result_cache
from cluster.sweep.knowledge.code_digest import code_digest, imported_elsewhere
from cluster.sweep.knowledge.result_cache import FILE, known_results
from cluster.sweep.knowledge.search import search_of
from cluster.sweep.reading import Reading
from cluster.sweep.restore import CARD
from cluster.terminal.knowledge_lines import cache_lines
from search_spaces.race.earlier.known_results import NO_RESULTS
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.simulation.clock import World, simulate
from search_spaces.spec.sweep import parse_sweep
from search_spaces.study.study import Study
from tests.helpers.finished_sweep_without_ray import CARD as WINE
from tests.helpers.finished_sweep_without_ray import SPEC, rising
from workloads.registry import catalogue, workload

SOFTMAX = workload("softmax").hyperparameters


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(result_cache, "code_digest", lambda workload: f"code of {workload}")  # 20 ms each
    return tmp_path


def swept(
    *overrides: str, card: Any = WINE, gpus: Sequence[str] = (), **changes: Any
) -> tuple[SweepHome, Race, list[str]]:
    """Run a sweep's race; return its home, the race, and what was said."""
    sweep = parse_sweep(SPEC, "spec.yaml", Path.cwd(), overrides, catalogue=catalogue())
    sweep = sweep.model_copy(update=changes)
    home = SweepHome.create(sweep)
    study = Study(home.id, sweep.metric.goal, home.journal)
    study.set(CARD, card)
    said: list[str] = []
    race = search_of(home, sweep, study, said.append, gpus).race(1)
    simulate(race, World(lambda params, epoch: rising(int(1000 * float(params["lr"] or 0)), epoch)), moments=False)
    study.flush()
    return home, race, said


def taken(race: Race) -> int:
    return sum(track.cached is not None for track in race.tracks)


def test_an_equal_sweep_takes_over_all() -> None:
    old, first, said = swept("cache=false")
    assert said == [] and taken(first) == 0
    home, race, said = swept("name=again")
    again = "`--no-cache` or `cache: false` trains them again"
    assert said == [f"cache: 9 results of equal trainings known from {old.id}; {again}"]
    assert taken(race) == 9 and [t.searched for t in race.tracks] == [t.searched for t in first.tracks]
    told = document(Reading.of(home))
    assert [(one["cached_from"]["sweep"], one["cached_from"]["trial"]) for one in told["trials"]] == [
        (old.id, i) for i in range(9)
    ]
    free = [one for one in told["trials"] if one["cached_from"]["epoch"] == one["epochs"]]
    part = "; 1 more were known up to a rung, and trained from the beginning to go on" if len(free) == 8 else ""
    known = f"{len(free)} of 9 trials were known from sweep {old.id} and cost nothing{part}"
    assert cache_lines(told["trials"]) == [f"cache: {known}; {again}"] and len(free) >= 8
    assert told["cost"]["epochs_trained"] <= 9, "what another order of events promotes"
    _, third, _ = swept("trials=11", "final=none")
    assert taken(third) == 9 and len(third.tracks) == 11
    assert {t.cached.sweep for t in third.tracks if t.cached} == {old.id}, "the one that has trained it"
    assert taken(swept("cache=false")[1]) == 0


def test_a_user_s_function_may_read_anything_and_is_known_where_that_is_asked_for() -> None:
    own = {"workload": "package.module:fit"}
    sweep = parse_sweep(SPEC, "spec.yaml", Path.cwd(), (), catalogue=catalogue()).model_copy(update=own)
    assert result_cache._keys(sweep, WINE, "", ()) == result_cache.Keys()
    asked = result_cache._keys(sweep.model_copy(update={"cache": True}), WINE, "", ())
    assert asked.training and asked.search
    other = result_cache._keys(sweep.model_copy(update={"cache": True}), WINE, "what a warm start knows", ())
    assert other.training == asked.training and other.search != asked.search, "others were proposed"


def test_other_packages_of_one_name_are_another_training(tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    lib.mkdir()
    (lib / "lib.py").write_text("X = 1")
    own = {"workload": "package.module:fit", "cache": True, "pip": (str(lib),)}
    sweep = parse_sweep(SPEC, "spec.yaml", Path.cwd(), (), catalogue=catalogue()).model_copy(update=own)
    first = result_cache._keys(sweep, WINE, "", ())
    assert first == result_cache._keys(sweep, WINE, "", ()) != result_cache.Keys()
    (lib / "lib.py").write_text("X = 2")
    assert result_cache._keys(sweep, WINE, "", ()).training != first.training


def test_a_budget_is_not_used_up_by_what_was_known() -> None:
    _, first, _ = swept("budget={epochs: 40}", "trials=30", "name=a")
    home, race, _ = swept("budget={epochs: 40}", "trials=30")
    assert first.purse.epochs > 30 and len(race.tracks) > len(first.tracks)
    sweep, study = home.sweep(), Study(home.id, "maximize", home.journal, writing=False)
    assert race.purse.epochs <= 40
    assert Search(sweep, workload(sweep.workload).hyperparameters, study).race(1).purse.epochs <= race.purse.epochs


@pytest.mark.parametrize(
    "change",
    [
        "seed=1",
        "epochs=10",
        "metric.name=val_loss",
        "resources.cpus=2",
        "resources.workers=2",
        "data.split.seed=1",
        "data.split={folds: 3}",
        "workload=mlp",
    ],
)
def test_what_changes_the_numbers_is_another_training(change: str) -> None:
    swept("trials=2")
    _, race, said = swept("trials=2", change)
    assert taken(race) == 0 and said == []


def test_other_data_or_code_is_another_training(monkeypatch: pytest.MonkeyPatch) -> None:
    home, _, _ = swept("trials=2")
    assert taken(swept("trials=2", card={**WINE, "digest": "1" * 64})[1]) == 0
    assert taken(swept("trials=2", card={**WINE, "classes": ["a", "b"]})[1]) == 0
    monkeypatch.setattr(result_cache, "code_digest", lambda workload: "newer code")
    assert taken(swept("trials=2")[1]) == 0
    on_gpus = ("trials=2", "resources.gpus=1", "name=gpus")
    swept(*on_gpus, gpus=["H100"])
    assert taken(swept(*on_gpus, gpus=["A100"])[1]) == 0 < taken(swept(*on_gpus, gpus=["H100"])[1])
    sweep, study = home.sweep(), Study(home.id, "maximize", home.journal)
    assert known_results(home, sweep, study) is NO_RESULTS, "resumed with other code: nobody knows what is of which"
    monkeypatch.setattr(result_cache, "code_digest", lambda workload: f"code of {workload}")
    assert known_results(home, sweep, study) is NO_RESULTS
    (home.path / FILE).unlink()
    assert known_results(home, sweep, study) is NO_RESULTS, "as an earlier version left it"


def test_another_search_takes_over_equal_configurations_alone() -> None:
    start = "start_from=[{lr: 0.02, batch_size: 32}]"
    swept("trials=3", start)
    _, race, _ = swept(
        "trials=6", start, "method=random", "parameters.lr.max=0.05", "early_terminate=none", "epochs=9"
    )
    assert [t.trial for t in race.tracks if t.cached] == [1], "the first one had been stopped early"
    assert len(race.tracks) == 6


@pytest.mark.parametrize(
    "change",
    [
        "constraints=[{metric: params_m, max: 5}]",
        "repeats={seeds: 2}",
        "constraints=[{metric: val_loss, max: 50}]",
        "early_terminate={type: pbt}",
        "cache=false",
        "resources.workers=[1, 2]",
    ],
)
def test_where_equal_trials_may_differ_nothing_is_taken_over(change: str) -> None:
    swept("trials=2", change)
    assert taken(swept("trials=2", change)[1]) == 0


def test_failed_trials_and_what_is_named_outside_are_trained_again() -> None:
    home, _, _ = swept("trials=3")
    sweep, study = home.sweep(), Study(home.id, "maximize", home.journal, writing=False)
    [record, *_] = study.records()
    failed = [type(record)(number=0, params=record.params, values=record.values, outcome="failed")]
    assert list(result_cache._results(home, sweep, failed, SOFTMAX)) == []
    assert result_cache._is_elsewhere({"weights": "models:/wine@champion"})
    assert not result_cache._is_elsewhere({"weights": "mine.pth"})
    Path("mine.pth").touch()
    assert result_cache._is_elsewhere({"weights": "mine.pth"}), "a file that may be another one tomorrow"
    assert not result_cache._is_elsewhere({"model": "encoder", "word": ""})
    Path("encoder").mkdir()
    assert result_cache._is_elsewhere({"model": "encoder"}), "a folder with a text encoder, as well"
    assert len(list(result_cache._results(home, sweep, study.records(), SOFTMAX))) == 3


def test_the_digest_of_code_follows_a_user_s_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "cached_own"
    package.mkdir()
    for name, text in (
        ("__init__.py", ""),
        ("model.py", "from cached_own.helper import x\n"),
        ("helper.py", "x = 1\n"),
    ):
        (package / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("cached_own.model")
    digests = [code_digest("cached_own.model:NAME")]
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "__pycache__" / "x.py").write_text("")
    (package / "notes.txt").write_text("no code")
    digests.append(code_digest("cached_own.model:NAME"))
    (package / "helper.py").write_text("x = 2\n")
    digests.append(code_digest("cached_own.model:NAME"))
    assert imported_elsewhere("cached_own.model", package) == []
    beside = tmp_path / "cached_beside.py"
    (package / "helper.py").write_text("def f():\n    import json, numpy, cached_beside\n    from . import model\n")
    beside.write_text("y = 1\n")
    assert imported_elsewhere("cached_own.model", package) == [("cached_beside", beside)]
    digests.append(code_digest("cached_own.model:NAME"))
    beside.write_text("y = 2\n")
    digests.append(code_digest("cached_own.model:NAME"))
    for name in [name for name in sys.modules if name.startswith("cached_own")]:
        del sys.modules[name]
    assert digests[0] == digests[1] and len(set(digests)) == 4
    assert code_digest("mlp") == code_digest("mlp") != code_digest("softmax")


def test_another_method_proposes_for_itself_and_the_longest_result_counts() -> None:
    _, first, _ = swept("trials=4", "method=qmc")
    _, other, _ = swept("trials=4", "method=random")
    assert [track.searched for track in first.tracks][1:] != [track.searched for track in other.tracks][1:]
    swept("trials=4", "method=qmc", "early_terminate=none", "cache=false")
    whole, race, _ = swept("trials=4", "method=qmc", "early_terminate=none")
    assert [track.cached and track.cached.epoch for track in race.tracks] == [9] * 4
    records = Study(whole.id, "maximize", whole.journal, writing=False).records()
    found = [result for _, result in result_cache._results(whole, whole.sweep(), records, SOFTMAX)]
    assert whole.id not in {one.sweep for one in found}, "the one that has trained it"
    assert all(one.best_epoch == one.last == 9 and not one.is_settled for one in found)
