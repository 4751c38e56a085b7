"""What a user's function does to its process reaches no other training on its lane: by value, and bit by bit."""

from __future__ import annotations

import contextlib
import gc
import inspect
import locale
import logging
import os
import random
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search_spaces.race.legs import Leg, Member, MemberEpoch
from search_spaces.types.objective import Objective
from search_spaces.types.problems import COSTS
from tests.helpers.workload_data import search_data
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.custom.process_state import OwnState
from workloads.models.custom.run import Run
from workloads.models.custom.workload import workload_of

SPOILERS: dict[str, Callable[[], object]] = {
    "folder": lambda: os.chdir(tempfile.gettempdir()),
    "removed folder": lambda: in_a_removed_folder(),
    "environment": lambda: os.environ.update(CUDA_VISIBLE_DEVICES="7", MINE="1", TZ="Asia/Tokyo") or time.tzset(),
    "variable gone": lambda: os.environ.pop("HOME", None),
    "stdout closed": lambda: close_stdout(),
    "files closed": lambda: [os.close(number) for number in (0, 1, 2)],
    "stdout elsewhere": lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 1),
    "stderr replaced": lambda: setattr(sys, "stderr", None),
    "random": lambda: random.seed(1),
    "numpy": lambda: np.random.seed(1),
    "numpy generator": lambda: np.random.set_bit_generator(np.random.PCG64(1)),
    "torch": lambda: torch.manual_seed(1),
    "dtype": lambda: torch.set_default_dtype(torch.float64),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 3),
    "deterministic": lambda: torch.set_deterministic_debug_mode("error"),
    "precision": lambda: torch.set_float32_matmul_precision("medium"),
    "cudnn": lambda: setattr(torch.backends.cudnn, "enabled", False),
    "anomaly": lambda: torch.autograd.set_detect_anomaly(True, check_nan=False),
    "warnings": lambda: warnings.simplefilter("error"),
    "sys.path": lambda: sys.path.insert(0, "/nowhere"),
    "sys.argv": lambda: sys.argv.append("--mine"),
    "recursion": lambda: sys.setrecursionlimit(20_000),
    "collector": lambda: gc.disable(),
    "umask": lambda: os.umask(0),
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C"),
    "logging": lambda: (logging.getLogger().addHandler(logging.NullHandler()), logging.disable(50)),
    "hooks": lambda: setattr(threading, "excepthook", print),
}


def in_a_removed_folder() -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)


def seen() -> dict[str, Any]:
    """What a training can see of its process."""
    written = os.fstat(1)
    print(end="")
    return {
        "folder": os.getcwd(),  # noqa: PTH109
        "environment": dict(os.environ),
        "hour": time.localtime(0).tm_hour,
        "stdout": (sys.stdout.closed, written.st_dev, written.st_ino),
        "stderr": sys.stderr is None,
        "draws": (random.random(), float(np.random.rand()), float(torch.rand(()))),
        "torch": (torch.get_default_dtype(), torch.get_num_threads(), torch.get_float32_matmul_precision()),
        "switches": (torch.are_deterministic_algorithms_enabled(), torch.is_anomaly_enabled()),
        "cudnn": torch.backends.cudnn.enabled,
        "warnings": list(warnings.filters),
        "sys": (list(sys.path), list(sys.argv), sys.getrecursionlimit()),
        "collector": gc.isenabled(),
        "umask": [os.umask(os.umask(0o077))],
        "locale": locale.setlocale(locale.LC_ALL),
        "logging": (list(logging.getLogger().handlers), logging.root.manager.disable),
        "hooks": threading.excepthook,
    }


def report(run: Run, epoch: int) -> None:
    x = run.x_train.reshape(len(run.x_train), -1)
    weights = np.random.rand(x.shape[1]) + torch.rand(1).item() + random.random()
    fitted = float(np.tanh(x @ weights).mean())
    run.report(lambda folder: (folder / "epoch").write_text(str(epoch)), val_accuracy=fitted)


def close_stdout() -> None:
    sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115 - pytest's own stays open
    sys.stdout.close()


def spoiler(run: Run, *, what: str = "") -> None:
    for epoch in range(run.epoch, run.num_epochs):
        if epoch == run.epoch:
            SPOILERS[what]()
        report(run, epoch)


def probe(views: list[dict[str, Any]]) -> Callable[..., None]:
    def train(run: Run) -> None:
        for epoch in range(run.epoch, run.num_epochs):
            views.append(seen())
            report(run, epoch)

    return train


def untimed(told: MemberEpoch) -> MemberEpoch:
    """The epoch without what depends on the machine."""
    return replace(told, metrics={name: value for name, value in told.metrics.items() if name not in COSTS})


class Lane:
    """A lane whose functions are called by name: ``spoiler``, and others of the test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, monkeypatch
        self._search = search_data()

    def train(
        self, function: Callable[..., None], leg: Leg, params: dict[str, Any] | None = None, save_at: int = 0
    ) -> list[MemberEpoch]:
        """Train, and save at the end, or only at epoch ``save_at``: what is trained behind that is then lost."""
        self._patch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, function))
        setting = LegSetting("mine:train", Objective("val_accuracy", "maximize"), str(self._folder), device="cpu")
        lane = LegRunner(setting, self._search)
        members = tuple(replace(member, params=params or {}) for member in leg.members)
        lane.start(replace(leg, members=members))
        told: list[MemberEpoch] = []
        while not lane.done:
            told += map(untimed, lane.epoch())
            if told[-1].epoch == save_at:
                self.saved = lane.save()
        if not save_at:
            self.saved = lane.save()
        lane.leave()
        return told


LEG = Leg(id=0, start=0, stop=3, horizon=4, members=(Member(trial=0, seed=1, params={}),))


@pytest.fixture
def lane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lane]:
    with OwnState(0):  # so that a test that fails spoils no other
        yield Lane(tmp_path, monkeypatch)


def test_a_training_is_the_same_behind_whatever_other_one(lane: Lane) -> None:
    alone: list[dict[str, Any]] = []
    expected = lane.train(probe(alone), LEG)
    for what in SPOILERS:
        behind: list[dict[str, Any]] = []
        lane.train(spoiler, LEG, {"what": what})
        told = lane.train(probe(behind), LEG)
        assert behind == alone, what
        assert told == expected, what


def test_members_of_one_leg_do_not_see_each_other(tmp_path: Path, lane: Lane) -> None:
    """Their epochs take turns in one process: each member finds the process as it has left it."""
    views: dict[int, list[Any]] = {1: [], 2: []}

    def train(run: Run) -> None:
        own = tmp_path / str(run.seed)
        own.mkdir(exist_ok=True)
        os.chdir(own)
        os.environ["MINE"] = str(run.seed)
        for epoch in range(run.epoch, run.num_epochs):
            views[run.seed].append((Path.cwd(), os.environ["MINE"], np.random.rand(), random.random()))
            report(run, epoch)

    members = tuple(Member(trial=0, seed=seed, params={}) for seed in (1, 2))
    together = lane.train(train, replace(LEG, members=members))
    seen_together, views[1], views[2] = dict(views), [], []
    apart = [told for member in members for told in lane.train(train, replace(LEG, members=(member,)))]
    assert seen_together == views
    assert sorted(together, key=str) == sorted(apart, key=str)
    assert [view[:2] for view in views[2]] == [(tmp_path / "2", "2")] * 3


def test_a_function_that_is_given_up_has_put_back_what_it_does_before_another_one_begins(lane: Lane) -> None:
    def nested(run: Run) -> None:
        with contextlib.chdir("/"), torch.random.fork_rng(), warnings.catch_warnings():
            torch.manual_seed(7)
            warnings.simplefilter("error")
            for epoch in range(run.epoch, run.num_epochs):
                report(run, epoch)

    alone: list[dict[str, Any]] = []
    behind: list[dict[str, Any]] = []
    expected = lane.train(probe(alone), LEG)
    before = seen()["folder"]
    lane.train(nested, LEG)
    assert seen()["folder"] == before
    assert lane.train(probe(behind), LEG) == expected
    assert behind == alone


def test_a_continued_training_draws_the_same_wherever_it_continues(lane: Lane) -> None:
    lane.train(probe([]), replace(LEG, stop=2))
    [saved] = lane.saved
    member = replace(LEG.members[0], checkpoint=saved.uri)
    rest = replace(LEG, start=2, stop=4, members=(member,))
    expected = lane.train(probe([]), rest)
    lane.train(spoiler, LEG, {"what": "numpy"})
    assert lane.train(probe([]), rest) == expected


@pytest.mark.parametrize("bits", [np.random.MT19937, np.random.PCG64, np.random.SFC64])
def test_random_numbers_after_a_death_within_a_leg_are_those_of_the_undisturbed_one(lane: Lane, bits: Any) -> None:
    def train(run: Run) -> None:
        np.random.set_bit_generator(bits(run.seed))
        weights = torch.rand(2).numpy() + np.random.rand() + random.random()  # drawn again where it goes on
        if run.folder:
            weights = np.load(run.folder / "weights.npy")

        def save(folder: Path) -> None:
            np.save(folder / "weights.npy", weights)
            np.random.rand(), random.random(), torch.rand(())

        for _ in range(run.epoch, run.num_epochs):
            weights += np.array([random.gauss(0, 1), np.random.normal()]) * torch.randn(2).numpy()
            run.report(save, val_accuracy=float(np.tanh(weights).sum()))

    expected = lane.train(train, replace(LEG, stop=4))
    assert lane.train(train, LEG, save_at=2) == expected[:3]
    [saved] = lane.saved
    member = replace(LEG.members[0], checkpoint=saved.uri)
    lane.train(spoiler, LEG, {"what": "numpy generator"})
    assert lane.train(train, replace(LEG, start=2, stop=4, members=(member,))) == expected[2:]


def test_generators_that_a_function_seeds_itself_give_the_same_numbers_in_each_leg(lane: Lane) -> None:
    """An inner hold-out that differed behind a death had rows that the model was trained on."""
    drawn: list[tuple[float, ...]] = []
    kept: list[float] = []
    usual = random.seed, np.random.seed, torch.manual_seed

    def train(run: Run) -> None:
        random.seed(5)
        np.random.seed(5)
        torch.manual_seed(5)
        begun = 0 if run.folder is None else 1
        drawn.append((random.random(), np.random.rand(), torch.rand(()).item()))
        assert run.folder is None or len(list(run.folder.iterdir())) == begun
        drawn.append((random.random(), np.random.rand(), torch.rand(()).item()))
        for epoch in range(run.epoch, run.num_epochs):
            report(run, epoch)

    def unseeded(run: Run) -> None:
        kept.append(np.random.rand() if run.folder else 0.0)
        kept.append(np.random.rand() if run.folder else 1.0)
        for epoch in range(run.epoch, run.num_epochs):
            report(run, epoch)

    for function in (train, unseeded):
        lane.train(function, replace(LEG, stop=1))
        [saved] = lane.saved
        lane.train(
            function, replace(LEG, start=1, stop=2, members=(replace(LEG.members[0], checkpoint=saved.uri),))
        )
    assert len(drawn) == 4 and len(set(drawn)) == 2, drawn
    assert len(set(kept)) == 4, "a second reading changes nothing"
    assert (random.seed, np.random.seed, torch.manual_seed) == usual


def test_a_working_folder_that_is_gone_fails_its_own_training_alone(tmp_path: Path, lane: Lane) -> None:
    own, ended = tmp_path / "own", []

    def train(run: Run) -> None:
        try:
            if run.seed == 1:
                own.mkdir()
                os.chdir(own)
                for spoil in ("environment", "stdout elsewhere", "stderr replaced", "dtype", "numpy"):
                    SPOILERS[spoil]()
            elif own.exists():
                own.rmdir()
            for epoch in range(run.epoch, run.num_epochs):
                report(run, epoch)
        finally:
            ended.append(run.seed)

    alone: list[dict[str, Any]] = []
    behind: list[dict[str, Any]] = []
    expected = lane.train(probe(alone), LEG)
    before = {name: value for name, value in seen().items() if name != "draws"}
    members = tuple(Member(trial=0, seed=seed, params={}) for seed in (1, 2))
    with pytest.raises(RuntimeError, match=f"folder {own} cannot be entered again: No such file or directory"):
        lane.train(train, replace(LEG, members=members))
    assert {name: value for name, value in seen().items() if name != "draws"} == before
    gc.collect()
    assert sorted(ended) == [1, 2], "both functions were given up"
    assert lane.train(probe(behind), LEG) == expected
    assert behind == alone


def test_data_that_others_train_on_cannot_be_changed(lane: Lane) -> None:
    def train(run: Run) -> None:
        run.x_train -= run.x_train.mean(0)

    with pytest.raises(ValueError, match="read-only"):
        lane.train(train, LEG)


def test_the_seed_counts_where_the_code_is_the_first_to_use_a_gpu() -> None:
    if torch.cuda.is_initialized():
        pytest.skip("a GPU is in use already")
    with OwnState(3):
        seeds, _ = torch.cuda._lazy_seed_tracker.get_calls()[-1]
    expected = int(np.random.SeedSequence((3,)).generate_state(1)[0])
    assert inspect.getclosurevars(seeds).nonlocals["seed"] == expected
