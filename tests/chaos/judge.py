"""Judges what a sweep has come to after faults: nothing is lost, nothing twice, nothing left over, all said."""

from __future__ import annotations

import math
import re
import sqlite3
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.sweep.document import document
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from search_spaces.types.problems import COSTS
from tests.chaos.arena import NUM_TRIALS, RATES, Arena, metrics
from tests.chaos.draw import Blow
from tests.helpers.commands import agree

CURVES = ("val_accuracy", "val_loss", "train_loss", *COSTS)
CHANGING = ("place", "train_seconds", "best_epoch", "best_val_accuracy")
"""Metrics whose values depend on time, or on how far a trial was trained."""


@dataclass(frozen=True)
class Reference:
    """The undisturbed run: every metric of each trial, all of them trained to the end."""

    metrics: Mapping[str, Mapping[str, Mapping[int, float]]]

    @classmethod
    def made(cls, folder: Path, has_ray: bool = True) -> Reference:
        """Run the sweep without faults and without early stopping."""
        arena = Arena.made(folder / "undisturbed", has_ray)
        arena.begin("run", "sweep.yaml", "early_terminate=none")
        code = arena.end()
        assert code == 0, arena.life.said
        return cls(metrics(arena.path))


@dataclass(frozen=True)
class Verdict:
    """That the outcome is right: the sweep has finished, or was refused as documented."""

    outcome: str


def judge(arena: Arena, struck: list[Blow], reference: Reference) -> Verdict:
    """Judge a sweep whose last driver has ended. AssertionError names everything that is wrong."""
    wrong = list(_lives(arena, struck))
    refusal = _refusal(arena, struck)
    over = any(blow.fault.over for blow in struck)
    if not (refusal or over or wrong):
        wrong += _finished(arena, struck, reference)
    said = "\n".join(f"--- {' '.join(life.words)}: {life.code}\n{life.said[-2500:]}" for life in arena.lives)
    assert not wrong, "\n".join([*wrong, said])
    return Verdict("refused as documented" if refusal else "over" if over else "finished")


def _refusal(arena: Arena, struck: list[Blow]) -> bool:
    """Whether the last resume refused in a documented way: what was lost is in no other file."""
    patterns = [blow.fault.refused for blow in struck if blow.fault.refused]
    return arena.life.code in (1, 2) and any(re.search(pattern, arena.life.said) for pattern in patterns)


def _lives(arena: Arena, struck: list[Blow]) -> Iterator[str]:
    """Yield what is wrong with how the drivers ended, what they said, and what they left."""
    allowed = {0, -9, *(code for blow in struck for code in blow.fault.codes)}
    for life in arena.lives:
        codes = allowed if life.struck else {0}
        if life.code not in codes and not (life is arena.life and _refusal(arena, struck)):
            yield f"`{' '.join(life.words)}` ended with {life.code}, not one of {sorted(codes)}"
        if "Traceback (most recent call last)" in life.said and not _own_error(struck):
            yield "a traceback was shown"
    said = "\n".join(life.said for life in arena.lives)
    for blow in struck:
        if blow.fault.says and not re.search(blow.fault.says, said):
            yield f"{blow.fault.name}: nothing says {blow.fault.says!r}"
    if left := arena.orphans():
        yield "orphans:\n" + "\n".join(left)


def _own_error(struck: list[Blow]) -> bool:
    return any(blow.fault.name.startswith("own") for blow in struck)


def _finished(arena: Arena, struck: list[Blow], reference: Reference) -> Iterator[str]:
    """Yield what is wrong with trials, epochs, states and metrics of a sweep that should have finished."""
    home = SweepHome.find("last", arena.path / ".paceline")
    found = document(Reading.of(home))
    if found["state"] != "finished":
        yield f"the sweep is {found['state']}"
    failing = sum(blow.fault.failing for blow in struck)
    failed = [trial["number"] for trial in found["trials"] if trial["state"] == "failed"]
    if len(failed) > failing:
        yield f"trials {failed} failed"
    try:
        agree(arena.folder, found, NUM_TRIALS, not any(blow.fault.lacking for blow in struck))
    except (AssertionError, sqlite3.Error, KeyError, ValueError) as error:
        line = traceback.extract_tb(error.__traceback__)[-1].line
        yield f"study, MLflow and document do not agree: {error!r} ({line})"
    yield from _running(arena)
    yield from _trained(arena, found, any(blow.fault.again for blow in struck))
    yield from _measured(arena, found, reference, any(blow.fault.lacking for blow in struck))


def _running(arena: Arena) -> Iterator[str]:
    with closing(sqlite3.connect(arena.path / "mlflow.db")) as db:
        [[count]] = db.execute("select count(*) from runs where status = 'RUNNING' and lifecycle_stage = 'active'")
    if count:
        yield f"{count} runs are RUNNING for ever"


def _trained(arena: Arena, found: Mapping[str, Any], again: bool) -> Iterator[str]:
    """Each epoch was trained, and after a death only what no checkpoint of the study held."""
    rows = arena.trained()
    for trial in found["trials"]:
        rate, epochs = trial["params"]["lr"], {row["epoch"] for row in rows if row["lr"] == trial["params"]["lr"]}
        lacking = set(range(1, trial["epochs"] + 1)) - epochs
        if lacking and trial["state"] != "failed":
            yield f"t{trial['number']:03d} (lr {rate}) never trained epochs {sorted(lacking)}"
    if again:
        return
    ends = [life.num_before for life in arena.lives[1:]] + [len(rows)]
    for life, end in zip(arena.lives, ends, strict=True):
        mine = Counter((row["lr"], row["epoch"]) for row in rows[life.num_before : end])
        for (rate, epoch), count in sorted(mine.items()):
            known = life.study_before.get(RATES.index(rate), {})
            if epoch <= known.get("epoch", 0):
                yield f"epoch {epoch} of lr {rate} was trained again, behind its checkpoint of {known['epoch']}"
            if count > 1 and not life.struck:
                yield f"epoch {epoch} of lr {rate} was trained {count} times by one driver"


def _measured(arena: Arena, found: Mapping[str, Any], reference: Reference, lacking: bool) -> Iterator[str]:
    """Each metric key of the undisturbed run is there, with its values up to the trial's last epoch."""
    measured = metrics(arena.path)
    for trial in found["trials"]:
        if trial["state"] == "failed":
            continue
        key = f"t{trial['number']:04d}"
        mine, theirs = measured.get(key, {}), reference.metrics[key]
        needless = set(CURVES) - {found["metric"]["name"]} if lacking else set()
        if missing := theirs.keys() - mine.keys() - needless:
            yield f"{key} lacks {sorted(missing)}"
        for name, expected in theirs.items():
            if name in CHANGING or name not in mine:
                continue
            if name in CURVES:
                expected = {step: value for step, value in expected.items() if step <= trial["epochs"]}
            if lacking and name != found["metric"]["name"]:
                expected = {step: value for step, value in expected.items() if step in mine[name]}
            same = mine[name].keys() == expected.keys() if name in COSTS else _equal(mine[name], expected)
            if not same:
                yield f"{key} {name}: {mine[name]}, not {expected}"


def _equal(one: Mapping[int, float], other: Mapping[int, float]) -> bool:
    return one.keys() == other.keys() and all(math.isclose(one[step], other[step], rel_tol=1e-6) for step in one)
