"""What the writer wants done to one MLflow run: plain records, gathered from events, applied by a store."""

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
from search_spaces.types.values import Params
from tracking import names

PARENT: Final = ""
"""The key of the sweep's own run."""

Point = tuple[str, float, int, int]
"""A metric's key, value, timestamp in ms and step."""


def now_ms() -> int:
    """MLflow's clock."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class SweepHeader:
    """What is known of a sweep before its first trial."""

    sweep_id: str
    name: str
    workload: str
    experiment: str
    objective: Objective
    method: str
    spec_text: str
    overview: Params = field(default_factory=dict)
    """The parent run's params."""
    dataset: Mapping[str, object] = field(default_factory=dict)
    """``name`` and ``digest`` (at most 36 characters); ``rows``, ``shape`` and ``source`` where known."""
    beside: tuple[str, ...] = ()
    """Metrics that are shown beside the objective."""
    log_scaled: frozenset[str] = frozenset()
    searched: tuple[str, ...] = ()
    categorical: frozenset[str] = frozenset()
    """The searched ones whose values are not numbers."""
    conditional: frozenset[str] = frozenset()
    """The searched ones that some trials do not have."""


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What the study knows of one member: MLflow's run is made to agree with it."""

    number: int
    role: names.Role
    params: Params
    state: names.TrialState
    history: Mapping[int, float] = field(default_factory=dict)
    """The objective after each epoch."""
    summary: Mapping[str, float] = field(default_factory=dict)
    failure: FailureReason | None = None


@dataclass(frozen=True, kw_only=True)
class Best:
    """The leading trial of a sweep. ``params`` holds what was searched."""

    number: int
    value: float
    params: Params


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a sweep's runs go. ``dataset`` is the store's own record of the data set, or None."""

    experiment_id: str
    artifact_location: str
    user: str
    dataset: Any = None


@dataclass(kw_only=True)
class RunChange:
    """All that is to happen to one run, in one go. ``title`` and ``start_ms`` are set if it may have to be made."""

    key: str
    title: str | None = None
    start_ms: int = 0
    points: list[Point] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    status: str | None = None
    end_ms: int | None = None

    def measure(self, metrics: Mapping[str, float], timestamp_ms: int, step: int) -> list[str]:
        """Adds the finite metrics; the others become tags. Returns the keys of those others."""
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
        """Sets a tag, cut visibly to what MLflow takes."""
        self.tags[names.clean_key(key)] = names.shorten(value, names.MAX_TAG)

    def fail(self, reason: FailureReason | None) -> None:
        """Tags the kind of failure and, where something went wrong, what is said of it."""
        if reason is not None:
            self.tag(names.TRIAL_FAILURE, reason.kind)
            if reason.is_error:
                self.tag(names.TRIAL_ERROR, str(reason))

    def enter(self, tag: str, state: names.TrialState | names.SweepState, timestamp_ms: int) -> None:
        """Puts the run into ``state``: the tag and MLflow's status."""
        self.tags[tag] = state
        self.status = names.STATUS[state]
        self.end_ms = None if self.status == "RUNNING" else timestamp_ms


@dataclass(kw_only=True)
class FoundRun:
    """An MLflow run as the store holds it: all is text but the metrics, each the newest value and its step."""

    run_id: str
    status: str
    start_ms: int
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The member's key, PARENT for the sweep's own run."""
        return self.tags.get(names.TRIAL_KEY, PARENT)

    @property
    def role(self) -> str:
        """``sweep``, ``trial`` or ``final``."""
        return self.tags.get(names.SWEEP_ROLE, "")

    @property
    def state(self) -> str:
        """The trial's state."""
        return self.tags.get(names.TRIAL_STATE, "")

    def last_step(self, metric: str) -> int:
        """The newest step of ``metric``, -1 where it has none."""
        return self.metrics.get(metric, (0.0, -1))[1]


def user() -> str:
    """Whose runs they are: PACELINE_OWNER, else the login. On a cluster the login is everybody's."""
    try:
        return os.environ.get("PACELINE_OWNER") or getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return "unknown"


def dataset_source(dataset: Mapping[str, object]) -> str:
    """MLflow's JSON of where the data came from."""
    return json.dumps({"uri": str(dataset.get("source", dataset["name"]))})


def dataset_profile(dataset: Mapping[str, object]) -> str:
    """MLflow's JSON of everything else that is known of the data."""
    return json.dumps({key: value for key, value in dataset.items() if key not in ("name", "digest", "source")})


def opening(header: SweepHeader, who: str) -> RunChange:
    """The sweep's own run."""
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
    if leaks := header.dataset.get("leaks"):
        assert isinstance(leaks, Sequence)
        tags[names.DATA_LEAKS] = names.shorten("; ".join(map(str, leaks)), names.MAX_TAG)
    params = {names.clean_key(name): names.clean_param(value) for name, value in header.overview.items()}
    return RunChange(key=PARENT, title=f"sweep {header.sweep_id}", start_ms=now_ms(), tags=tags, params=params)


@dataclass(frozen=True, kw_only=True)
class Birth:
    """A member's first appearance, in a run below that of its sweep."""

    key: str
    parent_run_id: str
    number: int
    role: str
    params: Params
    timestamp_ms: int


def birth(header: SweepHeader, born: Birth, change: RunChange) -> None:
    """Fills ``change`` with what makes a trial's run: name, tags, params, and those searched also as metrics."""
    change.title = names.trial_title(born.key, born.params, header.searched)
    change.start_ms = born.timestamp_ms
    change.tags |= {
        names.SWEEP_ID: header.sweep_id,
        names.SWEEP_ROLE: born.role,
        names.PARENT_RUN: born.parent_run_id,
        names.TRIAL_KEY: born.key,
        names.TRIAL_NUMBER: str(born.number),
        names.TRIAL_STATE: "running",
    }
    change.params |= {names.clean_key(name): names.clean_param(value) for name, value in born.params.items()}
    searched = {name: born.params[name] for name in header.searched if name in born.params}
    change.measure(names.hp_metrics(searched, header.log_scaled), born.timestamp_ms, 0)
