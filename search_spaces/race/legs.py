"""Messages between the race, the lanes and the training loops: members, legs and a leg's reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from search_spaces.types.failure import FailureReason
from search_spaces.types.trial_names import trial_key
from search_spaces.types.values import Params, restored, stored

Purpose = Literal["search", "repeat", "final"]


@dataclass(frozen=True, kw_only=True)
class Member:
    """One training of a trial: its hyperparameters (complete, defaults filled in) and its seed."""

    trial: int
    seed: int
    params: Params
    checkpoint: str | None = None
    """Folder (fsspec URI) of the checkpoint to resume from, or None to start at epoch 0."""

    @property
    def key(self) -> str:
        """Name of the member in checkpoints, reports and MLflow: ``t0004-s0``."""
        return trial_key(self.trial, self.seed)


@dataclass(frozen=True, kw_only=True)
class Leg:
    """A stretch of training, from epoch ``start`` (already done) to epoch ``stop`` (inclusive), of a cohort.

    All members share one signature, one start and one stop. ``horizon`` is the last epoch that the sweep's
    schedule can reach; learning-rate schedules, for one, depend on it. Of the members that reach the horizon only
    the best ``keep`` need a checkpoint (None: all), and none whose best value is worse than ``floor``.
    """

    id: int
    start: int
    stop: int
    horizon: int
    members: tuple[Member, ...]
    purpose: Purpose = "search"
    keep: int | None = None
    floor: float | None = None
    retry: bool = False
    """Whether its only member failed in the leg before."""

    def __post_init__(self) -> None:
        assert self.members, "a leg has at least one member"
        assert 0 <= self.start < self.stop <= self.horizon, (self.start, self.stop, self.horizon)

    def to_json(self) -> str:
        """Return the leg as one line of JSON; ``from_json`` gives an equal leg."""
        members = [asdict(member) | {"params": stored(member.params)} for member in self.members]
        return json.dumps(asdict(self) | {"members": members})

    @classmethod
    def from_json(cls, text: str) -> Leg:
        """Return the leg that ``to_json`` wrote."""
        record = json.loads(text)
        members = (Member(**{**one, "params": restored(one["params"])}) for one in record["members"])
        return cls(**{**record, "members": tuple(members)})


@dataclass(frozen=True, kw_only=True)
class MemberEpoch:
    """Metrics of one member in one epoch. ``failure`` is the reason why it cannot continue, else None.

    ``finished``: this epoch is its last, as it has not improved for ``patience`` epochs, or its code has ended.
    """

    key: str
    epoch: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    failure: FailureReason | None = None
    finished: bool = False


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A checkpoint of one member, complete on disk: ``uri`` is its folder, None for an ended member without one.

    ``not_kept`` is the reason why it could not be written; the one before it counts then.
    """

    key: str
    epoch: int
    uri: str | None
    not_kept: str | None = None


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A final member's metrics on the locked test split, with the weights of its best validation epoch."""

    key: str
    best_epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """A small file with a member's output, for its MLflow run. ``content`` is base64, as reports are JSON."""

    key: str
    path: str
    """Path among the run's artifacts, relative, with slashes."""
    content: str
