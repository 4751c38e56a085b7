"""The registry, its import cost, default settings on real data, widths, and guards over the source."""

from __future__ import annotations

import ast
import json
import pickle
import random
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import workloads
from search_spaces.race.legs import Leg, Member
from search_spaces.space.hyperparameters import hyperparameters
from search_spaces.spec.data import Data
from search_spaces.types.module_path import users_folder
from search_spaces.types.objective import Objective
from search_spaces.types.problems import METRICS
from tests.helpers.workload_data import setup, trainee
from workloads import users_code
from workloads.data.prepare import prepare
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.custom.hidden import hidden, strangers
from workloads.registry import WORKLOADS, catalogue, workload
from workloads.training import choose_width

SOURCES = sorted(Path(workloads.__file__).parent.rglob("*.py"))
LOOPS = (
    "training.plain_loop",
    "training.fused.loop",
    "training.fused.stacked_forward",
    "training.optimizers",
    "training.setup",
    "training.batches",
    "training.evaluate",
    "layers.layers",
    "tasks.classification",
    "data.epoch_order",
)
HEAVY = ("torch", "sklearn", "pandas", "numpy", "optuna", "ray", "mlflow")


def loaded_by(code: str) -> set[str]:
    """The heavy modules that are loaded after ``code`` has run in a new interpreter."""
    script = f"{code}\nimport sys; print(*[m for m in {(*HEAVY, 'pydantic')} if m in sys.modules])"
    root = Path(workloads.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    return set(run.stdout.split())


def test_the_catalogue_is_read_without_heavy_imports() -> None:
    code = (
        "from workloads.registry import catalogue; c = catalogue(); [c.workload(n).space for n in c.workload_names]"
    )
    assert not loaded_by(code) & set(HEAVY)


def test_the_loops_need_torch_alone() -> None:
    code = "import " + ", ".join(f"workloads.{name}" for name in LOOPS)
    assert loaded_by(code) == {"torch", "numpy"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_torch_load_always_says_weights_only(source: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
    loads = [call for call in calls if ast.unparse(call.func) == "torch.load"]
    assert all("weights_only=True" in map(ast.unparse, call.keywords) for call in loads)
    assert source.stem != "checkpoint" or loads


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_default_space_names_hyperparameters_and_holds_their_rules(name: str) -> None:
    found = catalogue().workload(name)
    known = hyperparameters(found.hyperparameters)
    first = next(iter(found.problems.values()))[0]
    assert next(iter(found.metrics(None))) == next(iter(METRICS[first]))
    for parameter, domain in found.space.items():
        values = domain.get("values", [domain.get("min"), domain.get("max")])
        assert [known[parameter].fault(value) for value in values] == [None] * len(values)
    assert all(known[parameter].fault(known[parameter].default) is None for parameter in known)


@pytest.mark.parametrize(("name", "reason"), [("mpl", "did you mean mlp"), ("no.such:X", "cannot be imported")])
def test_an_unknown_workload_is_refused(name: str, reason: str) -> None:
    with pytest.raises(LookupError, match=reason):
        workload(name)


def test_a_workload_of_ones_own_is_found_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (
        "from dataclasses import replace\nfrom workloads.models.mlp import MLP\n"
        "OWN = replace(MLP, name='own')\nNOT = 3\n"
    )
    (tmp_path / "own_workload.py").write_text(own)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert workload("own_workload:OWN").name == "own"
    with pytest.raises(LookupError, match="type int, neither a function, a network"):
        workload("own_workload:NOT")
    with pytest.raises(LookupError, match="no such object"):
        workload("own_workload:MISSING")


def test_modules_of_ones_own_named_like_others_are_found_by_their_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "own_training.py": "import random\nfrom own_parts import first\nclass Thing: ...\ndef train(run): ...\n",
        "own_parts/__init__.py": "",
        "own_parts/first.py": "import json  # no file here\nfrom . import second\n",
        "own_parts/second.py": "def late():\n    import pandas.io\n    return pandas\n",
        "own_parts/unused.py": "import calendar\n",
        "random.py": "",
        "pandas/__init__.py": "",
        "pandas/io.py": "NAME = 'mine'",
        "calendar.py": "def train(run):\n    'Mine.'\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv(users_code.FOLDER, "")
    assert workload("own_training:train").name == "own_training:train"
    assert workload("calendar:train").summary == "Mine."
    here = sys.modules["workloads.users_code.own_training"]
    assert here.random.__file__ == str(tmp_path / "random.py") != random.__file__
    second = here.first.second
    assert second.late().__file__ == str(tmp_path / "pandas" / "__init__.py")
    assert second.late().io.NAME == "mine" and here.first.json.loads("1") == 1
    assert pickle.loads(pickle.dumps(here.Thing)) is here.Thing


@pytest.mark.parametrize(("name", "least"), [("softmax", 0.93), ("mlp", 0.95), ("cnn", 0.97)])
def test_the_defaults_train_well_on_digits(tmp_path: Path, name: str, least: float) -> None:
    prepared = prepare(Data(name="digits"))
    lane = LegRunner(
        LegSetting(name, Objective("val_accuracy", "maximize"), str(tmp_path), device="cpu"), prepared.search
    )
    lane.start(Leg(id=0, start=0, stop=10, horizon=10, members=(Member(trial=0, seed=0, params={}),)))
    while not lane.done:
        (told,) = lane.epoch()
    assert told.metrics["val_accuracy"] >= least


def test_chunks_cover_all_members_with_equal_seeds_together(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = setup("mlp")
    members = [trainee("mlp", seed, lr=0.001 * (k + 1)) for k, seed in enumerate((2, 1, 2, 1, 2, 1))]
    monkeypatch.setitem(choose_width._fastest, choose_width._key(shared, members), 3)
    places, _ = choose_width.cohort_loops(shared, members, 100)
    assert [loop.members[k] for loop, k in places] == members
    assert sorted(tuple(m.seed for m in loop.members) for loop in {id(p): p for p, _ in places}.values()) == [
        (1, 1, 1),
        (2, 2, 2),
    ]


def test_the_width_is_measured_once_and_only_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose_width, "_fastest", {})
    timed: list[int] = []

    def seconds(_: object, members: list[object]) -> float:
        timed.append(len(members))
        return {1: 1.0, 3: 1.5, 4: 2.0, 6: 9.0, 10: 99.0, 20: 1.0}[len(members)]

    monkeypatch.setattr(choose_width, "step_seconds", seconds)
    shared, members = setup("cnn"), [trainee("cnn") for _ in range(6)]
    short, _ = choose_width.cohort_loops(shared, members, 1)
    assert timed == []
    assert len({id(loop) for loop, _ in short}) == 6
    long, messages = choose_width.cohort_loops(shared, members, 100)
    assert timed == [1, 3, 6]
    assert sorted(len(loop.members) for loop in {id(p): p for p, _ in long}.values()) == [3, 3]
    assert "3 at a time" in messages[0]
    choose_width.cohort_loops(shared, members, 100)
    assert timed == [1, 3, 6]
    choose_width.cohort_loops(shared, [trainee("cnn") for _ in range(20)], 100)
    assert timed == [1, 3, 6, 1, 4, 10], "20 is not tried when 10 is slower"


def test_cohorts_of_nearly_the_same_size_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose_width, "_fastest", {})
    timed: list[int] = []

    def seconds(_: object, members: list[object]) -> float:
        timed.append(len(members))
        return 1 / len(members)

    monkeypatch.setattr(choose_width, "step_seconds", seconds)
    for size, fresh in ((6, [1, 3, 6]), (5, []), (8, []), (9, [1, 3, 9]), (4, [1, 4])):
        places, messages = choose_width.cohort_loops(setup("cnn"), [trainee("cnn") for _ in range(size)], 100)
        assert timed == fresh and bool(messages) == bool(fresh)
        assert {len(loop.members) for loop, _ in places} == {size}
        timed.clear()


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        ({1: 1.0, 4: 0.4, 9: 0.30, 17: 0.31}, 17),
        ({1: 1.0, 4: 0.4, 9: 0.30, 17: 0.33}, 9),
        ({1: 1.0, 4: 1.01, 9: 1.02, 17: 1.03}, 1),
    ],
)
def test_a_narrower_cohort_must_be_faster_by_more_than_noise(
    monkeypatch: pytest.MonkeyPatch, each: dict[int, float], expected: int
) -> None:
    monkeypatch.setattr(choose_width, "_fastest", {})
    monkeypatch.setattr(choose_width, "step_seconds", lambda _, members: each[len(members)] * len(members))
    places, _ = choose_width.cohort_loops(setup("cnn"), [trainee("cnn") for _ in range(17)], 100)
    assert max(sum(other is loop for other, _ in places) for loop, _ in places) == expected


@pytest.mark.parametrize("num_members", [1, 2, 5, 16, 17, 33, 300])
def test_every_width_that_is_tried_is_what_chunks_come_to(num_members: int) -> None:
    tried = choose_width.widths_to_try(num_members)
    chunks = [choose_width._chunks(range(num_members), width) for width in tried]
    assert [max(map(len, parts)) for parts in chunks] == tried
    assert tried[0] == 1 and tried[-1] == num_members


@pytest.mark.parametrize("name", [name for name in WORKLOADS if workload(name).fusable])
def test_a_step_is_really_timed(name: str) -> None:
    assert choose_width.step_seconds(setup(name), [trainee(name)] * 3) > 0


def test_an_installed_copy_of_the_folders_own_code_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an image where the project is installed and run from its folder; not where its files differ."""
    for place in ("site", "project"):
        (tmp_path / place / "churn_of_a_test").mkdir(parents=True)
        for name in ("__init__", "train"):
            (tmp_path / place / "churn_of_a_test" / f"{name}.py").write_text("")
        (tmp_path / place / "alone_of_a_test.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert not list(strangers(tmp_path / "project"))
    assert not hidden("churn_of_a_test.train", tmp_path / "project")
    (tmp_path / "project" / "churn_of_a_test" / "train.py").write_text("EDITED = 1")
    assert [path.name for path, _ in strangers(tmp_path / "project")] == ["churn_of_a_test"]


def test_sweeps_of_two_folders_in_one_process_have_each_its_own_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was asked of the folders before one of them was imported from, or a file was changed."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("PACELINE_USERS_CODE", raising=False)
    name = "mine_of_two_folders"
    code = "from workloads.contract import Workload\ndef train(run, *, {}: float = 1.0): ...\nMADE = train\n"
    for folder, own in (("first", "alpha"), ("second", "beta")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.py").write_text(code.format(own))
        assert not hidden(name, tmp_path / folder)
    try:
        for folder, own in (("first", "alpha"), ("second", "beta"), ("first", "alpha")):
            users_folder(tmp_path / folder)
            made = workload(f"{name}:MADE")
            assert [field.name for field in fields(made.hyperparameters)] == [own], folder
        (tmp_path / "first" / "code_of_a_test.py").write_text("")
        monkeypatch.setitem(sys.modules, "code_of_a_test", json)
        (tmp_path / "first" / f"{name}.py").write_text("import code_of_a_test\n")
        assert "which is an installed one" in hidden(name, tmp_path / "first")[0]
    finally:
        for one in [one for one in sys.modules if name in one]:
            del sys.modules[one]
