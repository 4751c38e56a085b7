"""Starts a run of a trial's script: by an order, with its files, in its environment, by its command line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from search_spaces.spec.keys.command import Command
from search_spaces.types.failure import ScriptFailed
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import Params
from workloads.models.custom import trial_log
from workloads.models.script.argv import argv, config
from workloads.models.script.child import Child, Start
from workloads.models.script.environment import PARAMETERS, Told, environment, parameters_file
from workloads.models.script.sources import Name
from workloads.users_packages.imports import import_path, interpreter

Key = tuple[str | None, tuple[str, ...], str]


@dataclass
class Learnt:
    """What earlier trials of a script have shown, so that later ones of the same process need not find it out."""

    late: set[str]
    """Names that come behind the metric of their epoch, and the further metrics that decide."""
    source: Name | None = None
    """Where its metrics are found."""
    own_experiment: bool = False
    """Whether it sets an experiment of MLflow of its own."""
    told: set[str] = field(default_factory=set)
    """What people have been told of it, which holds for each of its trials."""

    def news(self, message: str) -> list[str]:
        """Return the message, if it has not been told of an earlier trial."""
        new = {message} - self.told
        self.told |= new
        return [*new]


_learnt: dict[Key, Learnt] = {}


def forget() -> None:
    """Forget what was learnt of all scripts."""
    _learnt.clear()


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a run of a script is for."""

    command: Command
    params: Params
    metric: str
    others: tuple[str, ...] = ()
    """Further metrics that decide, which a line that is printed may have alone."""
    trial: int = 0
    seed: int = 0
    purpose: str = "search"
    horizon: int = 1
    stop: int = 1
    """Epoch with which it is over here."""
    sweep: str = ""
    project: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Further variables of its environment."""
    rank: int | None = None
    """Its rank, where it is started in several processes at once; else None."""
    shared: Path | None = None
    """The folder that it finds as ``PACELINE_CHECKPOINT``, where that is not of this run alone."""

    @property
    def key(self) -> Key:
        """What tells it from other scripts of this process."""
        return self.command.program, self.command.words, self.metric

    @property
    def learnt(self) -> Learnt:
        """What this process has learnt of the script in earlier trials, and learns of it now."""
        return _learnt.setdefault(self.key, Learnt(late={*self.others}))

    @property
    def name(self) -> str:
        """The script in words."""
        name = self.command.title
        return name if self.rank is None else f"rank {self.rank} of {name}"


@dataclass(frozen=True)
class Folders:
    """Where the files of one run of a script are: below ``top``, which is temporary, but for the checkpoint."""

    top: Path
    checkpoint: Path
    """What it finds as ``PACELINE_CHECKPOINT``."""

    @property
    def own(self) -> Path:
        """The script's own folder."""
        return self.top / "own"

    @property
    def mlflow(self) -> Path:
        """Its MLflow store."""
        return self.top / "mlflow"

    @property
    def reports(self) -> Path:
        """The file that it appends its reports to."""
        return self.top / "reports.jsonl"

    @property
    def params(self) -> Path:
        """The file with its hyperparameters."""
        return self.top / "params.json"


def started(order: Order, folders: Folders, more: Mapping[str, str], on_line: Callable[[str, bool], None]) -> Child:
    """Write the script's hyperparameters, and start it; ``more`` are further variables of its environment.

    Raises ScriptFailed where it cannot be started.
    """
    _write_params(order, folders)
    told = Told(
        sweep=order.sweep,
        trial=trial_name(order.trial),
        project=order.project,
        reports=folders.reports,
        folder=folders.own,
        seed=order.seed,
        purpose=order.purpose,
        checkpoint=folders.checkpoint if order.command.checkpoint else None,
        epochs=None if order.command.open_ended else order.horizon,
        params=folders.params,
        more={**more, **order.extra},
    )
    python, outer = interpreter(), dict(os.environ)
    if path := import_path(outer.get("PYTHONPATH")):
        outer["PYTHONPATH"] = path
    variables = environment(order.command, order.params, told, python, outer)
    try:
        words = argv(order.command, order.params, python, folders.params, variables)
        return Child(Start(words, Path.cwd(), variables, folders.top), _written_to_log(order.trial), on_line)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        named = getattr(error, "filename", None)
        raise ScriptFailed(f"{order.name} cannot be started: {why}{f': {named}' if named else ''}") from error


def _write_params(order: Order, folders: Folders) -> None:
    folders.params.write_text(json.dumps(config(order.command, order.params)), encoding="utf-8")
    folders.own.mkdir(exist_ok=True)
    if order.command.wandb == "real":
        (folders.own / PARAMETERS).write_text(parameters_file(order.command, order.params), encoding="utf-8")


def _written_to_log(trial: int) -> Callable[[bytes], object]:
    """Return a function that appends to the trial's log; where there is none, it drops what it gets."""
    log = trial_log.current(trial)
    return (lambda piece: os.write(log.number, piece)) if log else len
