"""Records of MLflow runs: the changes that the writer asks a store for, and the runs that a store holds."""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import key_of_name, name_of_key, state_word
from search_spaces.types.values import Params, Value, distinct, restored, stored
from tracking import names

PARENT: Final = ""
"""Key of the sweep's own run, which is the parent of its trials' runs."""

Point = tuple[str, float, int, int]
"""A metric's key, value, timestamp (ms since 1970) and step (epoch)."""


def now_ms() -> int:
    """Return the time in ms since 1970, the unit of MLflow's timestamps."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class SweepHeader:
    """Facts about a sweep that are known before its first trial."""

    sweep_id: str
    name: str
    workload: str
    experiment: str
    objective: Objective
    method: str
    spec_text: str
    overview: Params = field(default_factory=dict)
    """Params of the sweep's own run."""
    dataset: Mapping[str, object] = field(default_factory=dict)
    """``name`` and ``digest`` (36 characters are kept); ``rows``, ``shape``, ``source``, ``leaks`` where known."""
    beside: tuple[str, ...] = ()
    """Metrics that are shown beside the objective."""
    log_scaled: frozenset[str] = frozenset()
    """Hyperparameters that are searched on a log scale."""
    searched: tuple[str, ...] = ()
    """Names of the searched hyperparameters."""
    categorical: frozenset[str] = frozenset()
    """Searched hyperparameters whose values are not numbers."""
    defaults: Params = field(default_factory=dict)
    """The workload's defaults, which are no params of a trial's run unless searched: its tag has them."""
    conditional: frozenset[str] = frozenset()
    """Searched hyperparameters that some trials do not have."""
    began_ms: int = 0
    """When the sweep began, in milliseconds since 1970: the start of its own run. 0: when that is created."""
    warm_start: tuple[str, ...] = ()
    """Earlier sweeps whose trials its sampler knows."""
    by_mean: bool = False
    """Whether trials count with the mean over their seeds."""


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """State of one member in the study; reconciling makes the member's MLflow run agree with it."""

    number: int
    role: names.Role
    params: Params
    state: names.TrialState
    history: Mapping[int, float] = field(default_factory=dict)
    """The objective's value by epoch."""
    summary: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the whole training, such as its best value."""
    failure: FailureReason | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Best:
    """The sweep's champion, or before there is one its best trial so far.

    ``params`` holds its searched hyperparameters. ``why`` says why it is the champion, or recommended; else None.
    """

    number: int
    value: float
    params: Params
    why: str | None = None
    recommended: bool = False
    """Whether it is neither, but recommended by its values with several seeds."""
    notes: tuple[str, ...] = ()
    """What else the sweep's note tells of it, a paragraph of Markdown each: test score, model, report."""
    test: float | None = None
    """Mean of a champion on the test split."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """The experiment that holds a sweep's runs. ``dataset`` is the store's own record of the data set, or None."""

    experiment_id: str
    artifact_location: str
    user: str
    dataset: Any = None


@dataclass(kw_only=True)
class RunChange:
    """Changes to one run, applied together. ``title`` and ``start_ms`` are set where the run may be missing."""

    key: str
    title: str | None = None
    rename: str | None = None
    """Name that the run gets whether it is new or not; None: it keeps its own."""
    start_ms: int = 0
    points: list[Point] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    status: str | None = None
    end_ms: int | None = None

    def measure(self, metrics: Mapping[str, float], timestamp_ms: int, step: int) -> list[str]:
        """Add the finite metrics as points and the others as tags. Returns the keys of the others."""
        odd = []
        for name, value in metrics.items():
            key, clean = names.clean_key(name), names.clean_metric(value)
            if clean is None:
                odd.append(key)
                self.tags.setdefault(names.clean_key(names.nonfinite(key)), f"{value} at epoch {step}")
            else:
                self.points.append((key, clean, timestamp_ms, step))
        return odd

    def tag(self, key: str, value: str) -> None:
        """Set a tag; a value longer than MLflow's limit is cut, with a note of it."""
        self.tags[names.clean_key(key)] = names.shorten(value, names.MAX_TAG)

    def fail(self, reason: FailureReason | None) -> None:
        """Set the tag of the failure's kind and, for an error, that of its text. None sets no tag."""
        if reason is not None:
            self.tag(names.TRIAL_FAILURE, reason.kind)
            if reason.is_error or reason.kind == "constraint":
                self.tag(names.TRIAL_ERROR, str(reason))

    def enter_trial(self, state: names.TrialState, timestamp_ms: int) -> None:
        """Set a trial's state as a tag, MLflow's status for it and, unless that is RUNNING, the end time."""
        self.tags[names.TRIAL_STATE] = state_word(state)
        self._set_status(names.TRIAL_STATUS[state], timestamp_ms)

    def enter_sweep(self, state: names.SweepState, timestamp_ms: int) -> None:
        """Set the sweep's state as a tag, MLflow's status for it and, unless that is RUNNING, the end time."""
        self.tags[names.SWEEP_STATE] = state
        self._set_status(names.SWEEP_STATUS[state], timestamp_ms)

    def _set_status(self, status: str, timestamp_ms: int) -> None:
        self.status = status
        self.end_ms = None if status == "RUNNING" else timestamp_ms


@dataclass(kw_only=True)
class FoundRun:
    """An MLflow run as the store holds it. Metrics have their newest value and its step; all else is text."""

    run_id: str
    status: str
    start_ms: int
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Key of the member whose run it is, PARENT for the sweep's own run."""
        name = self.tags.get(names.TRIAL_NAME) or self.tags.get(names.EARLIER[names.TRIAL_NAME])
        return PARENT if name is None else key_of_name(name)

    @property
    def role(self) -> str:
        """``sweep``, ``trial``, ``repeat`` or ``final``."""
        return self.tags.get(names.SWEEP_ROLE, "")

    @property
    def state(self) -> str:
        """State of the trial as people read it; empty for the sweep's own run."""
        return state_word(self.tags.get(names.TRIAL_STATE, ""))

    def newest(self, metric: str) -> float | None:
        """Return the newest value of ``metric``, also under the name that earlier versions gave it."""
        found = self.metrics.get(metric) or self.metrics.get(names.EARLIER.get(metric, metric))
        return None if found is None else found[0]

    def last_step(self, metric: str) -> int:
        """Return the newest step of ``metric``, -1 where the run has no value of it."""
        return self.metrics.get(metric, (0.0, -1))[1]


def user() -> str:
    """Return the runs' owner: PACELINE_OWNER, else the login, which on a cluster is the same for everybody."""
    try:
        return os.environ.get("PACELINE_OWNER") or getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return "unknown"


def opening(header: SweepHeader, who: str) -> RunChange:
    """Return the change that creates the sweep's own run, in state running."""
    tags = {
        names.SWEEP_ID: header.sweep_id,
        names.SWEEP_ROLE: "sweep",
        names.SWEEP_STATE: "running",
        names.SWEEP_NAME: header.name,
        names.SWEEP_WORKLOAD: header.workload,
        names.SWEEP_METRIC: header.objective.name,
        names.SWEEP_GOAL: header.objective.goal,
        names.SWEEP_METHOD: header.method,
        names.SWEEP_TARGET: os.environ.get("PACELINE_PLACE", "local"),
        names.USER: who,
        names.SOURCE_NAME: "paceline",
    }
    if header.warm_start:
        tags[names.SWEEP_WARM_START] = names.shorten(", ".join(header.warm_start), names.MAX_TAG)
    if leaks := header.dataset.get("leaks"):
        assert isinstance(leaks, Sequence)
        tags[names.DATA_LEAKS] = names.shorten("; ".join(map(str, leaks)), names.MAX_TAG)
    params = {names.clean_key(name): names.clean_param(value) for name, value in header.overview.items()}
    title = names.sweep_title(header.name, header.sweep_id)
    return RunChange(key=PARENT, title=title, start_ms=header.began_ms or now_ms(), tags=tags, params=params)


@dataclass(frozen=True, kw_only=True)
class Birth:
    """Facts about a member at its start; its run is nested below the sweep's own."""

    key: str
    parent_run_id: str
    number: int
    role: str
    params: Params
    timestamp_ms: int


def birth(header: SweepHeader, born: Birth, change: RunChange) -> None:
    """Add to ``change`` what a member's new run needs: name, tags, params, and searched numbers as metrics too."""
    change.title = names.trial_title(born.key, born.params, header.searched)
    change.start_ms = born.timestamp_ms
    change.tags |= {
        names.SWEEP_ID: header.sweep_id,
        names.SWEEP_ROLE: born.role,
        names.PARENT_RUN: born.parent_run_id,
        names.TRIAL_NAME: name_of_key(born.key),
        names.TRIAL_NUMBER: str(born.number),
        names.TRIAL_STATE: "running",
    }
    keep_params(header, born.params, change)
    add_numbers(header, born.params, born.timestamp_ms, change)


def keep_params(header: SweepHeader, params: Params, change: RunChange) -> None:
    """Add a member's hyperparameters: those that are searched or changed, rounded, as params, and all in a tag.

    All are params, as they are, where the tag would have no room for them.
    """
    whole = json.dumps(stored(params))
    fits = len(whole) <= names.MAX_TAG
    if fits:
        change.tags[names.TRIAL_PARAMS] = whole
    ordered = sorted(params, key=lambda name: name not in header.searched)
    for name in ordered:
        value = params[name]
        if not fits:
            change.params[names.clean_key(name)] = names.clean_param(value)
        elif name in header.searched or not _is_default(header, name, value):
            change.params[names.clean_key(name)] = names.clean_param(names.rounded(value))


def _is_default(header: SweepHeader, name: str, value: Value) -> bool:
    return name in header.defaults and distinct(value) == distinct(header.defaults[name])


def add_numbers(header: SweepHeader, params: Params, timestamp_ms: int, change: RunChange) -> None:
    """Add a member's searched numbers as metrics, for MLflow's charts and its search."""
    searched = {name: params[name] for name in header.searched if name in params}
    change.measure(names.hp_metrics(searched, header.log_scaled), timestamp_ms, 0)


def whole_params(run: FoundRun) -> dict[str, str]:
    """Return all hyperparameters of a run as texts, exact; earlier versions had each as a param."""
    if (kept := run.tags.get(names.TRIAL_PARAMS)) is None:
        return run.params
    return {names.clean_key(name): names.clean_param(value) for name, value in restored(json.loads(kept)).items()}
