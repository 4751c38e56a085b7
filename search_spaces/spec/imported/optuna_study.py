"""An Optuna study as a spec: its search space, its directions, and its trials as what a new sweep knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from search_spaces.spec.imported.contract import Import

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

JOURNALS: Final = (".log", ".journal", ".jsonl")
DATABASES: Final = (".db", ".sqlite", ".sqlite3")
STATES: Final = {"COMPLETE": "done", "PRUNED": "stopped", "FAIL": "failed", "RUNNING": "open", "WAITING": "open"}


class NoStudy(Exception):
    """Error: there is no Optuna study to read; the message says why, and what there is."""


@dataclass(frozen=True)
class KnownTrials:
    """Trials of a study, as fields of an ``EarlierTrial``, and the epochs of the longest."""

    name: str
    goal: str
    epochs: int
    trials: tuple[Mapping[str, Any], ...]


def is_study(address: str) -> bool:
    """Whether an address is that of an Optuna storage: a database's URL or file, or a journal's file."""
    return "://" in address.partition("#")[0] or Path(address.partition("#")[0]).suffix in (*JOURNALS, *DATABASES)


def open_study(address: str) -> Study:
    """Return the study at ``address``, a storage and, behind #, its name where it holds several. Raises NoStudy."""
    import optuna  # 400 ms

    where, _, name = address.partition("#")
    try:
        storage = _storage(where)
        names = optuna.get_all_study_names(storage)
        if name and name not in names:
            raise NoStudy(f"{where} holds no study {name!r}, but {', '.join(names) or 'none'}")
        if not name and len(names) != 1:
            raise NoStudy(
                f"{where} holds {len(names)} studies: name one behind #, as {where}#{(names or ['NAME'])[0]}"
            )
        return optuna.load_study(study_name=name or names[0], storage=storage)
    except NoStudy:
        raise
    except Exception as error:  # each kind of database has errors of its own
        raise NoStudy(f"{where} cannot be read as Optuna's storage: {type(error).__name__}: {error}") from error


def _storage(where: str) -> Any:
    import optuna  # 400 ms
    from optuna.storages import JournalStorage  # 400 ms
    from optuna.storages.journal import JournalFileBackend  # 400 ms

    file = where.removeprefix("sqlite:///")
    if "://" not in file and not Path(file).is_file():  # SQLite would make it
        raise NoStudy(f"there is no file {file}")
    if Path(where).suffix in JOURNALS:
        return JournalStorage(JournalFileBackend(where))
    url = where if "://" in where else f"sqlite:///{where}"
    return optuna.storages.RDBStorage(url, skip_compatibility_check=False)


def from_study(study: Study, known: KnownTrials | None, trials_file: str) -> Import:
    """Return the spec of a study; ``trials_file`` is where the ``known`` trials are kept beside it."""
    found, trials = Import(), study.get_trials(deepcopy=False)
    names = study.metric_names or [f"objective_{k}" if len(study.directions) > 1 else "objective" for k in range(9)]
    goals = [str(one.name).lower() for one in study.directions]
    found.put(name=study.study_name, workload="mine:train", method="auto", trials=max(20, len(trials)))
    if len(goals) > 1:
        found.put(metrics=[{"name": name, "goal": goal} for name, goal in zip(names, goals, strict=False)])
    else:
        found.put(metric={"name": names[0], "goal": goals[0]})
    if not study.metric_names:
        found.note(("metric",), "the study names none: write what train reports")
    found.note(
        ("workload",), "write the study's objective as a function train(run, *, ...) of mine.py: how-to/from-optuna"
    )
    laws: dict[str, BaseDistribution] = {}
    for trial in trials:
        for name, law in trial.distributions.items():
            if name in laws and laws[name] != law:
                found.note(("parameters", name), "had several ranges: the last one is written")
            laws[name] = law
    found.put(parameters={name: _parameter(law) for name, law in laws.items()})
    if any(len(trial.distributions) < len(laws) for trial in trials if trial.distributions):
        found.note(("parameters",), "not every trial has each: 'when: {PARENT: VALUE}' says under what one exists")
    if known:
        found.put(warm_start=[trials_file], epochs=known.epochs)
    found.notes = list(dict.fromkeys(found.notes))
    return found


def known_trials(study: Study) -> KnownTrials | None:
    """Return the study's trials with values; None where there are none, or several objectives."""
    if len(study.directions) > 1:
        return None
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.params]
    steps = {step for trial in trials for step in trial.intermediate_values}
    first = 1 if 0 in steps else 0  # an epoch counts from 1 here
    epochs = max(steps, default=1 - first) + first
    kept = tuple(_trial(trial, epochs, first) for trial in trials)
    if not any(one["values"] for one in kept):
        return None
    return KnownTrials(study.study_name, str(study.direction.name).lower(), epochs, kept)


def _trial(trial: FrozenTrial, epochs: int, first: int) -> Mapping[str, Any]:
    steps = {step + first: value for step, value in trial.intermediate_values.items() if step + first > 0}
    values = steps or ({epochs: trial.value} if trial.value is not None else {})
    return {
        "number": trial.number,
        "params": dict(trial.params),
        "state": STATES[trial.state.name],
        "values": values,
        "measured": {},
    }


def _parameter(law: BaseDistribution) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # 400 ms

    if isinstance(law, CategoricalDistribution):
        return {"values": [_plain(choice) for choice in law.choices]}
    assert isinstance(law, FloatDistribution | IntDistribution), law
    step = law.step if law.step not in (None, 1) or isinstance(law, FloatDistribution) else None
    keys = {"min": law.low, "max": law.high, "log": law.log or None, "step": step}
    return {key: value for key, value in keys.items() if value is not None}


def _plain(choice: Any) -> Any:
    return list(choice) if isinstance(choice, Sequence) and not isinstance(choice, str) else choice
