"""Trials trained again with further seeds: supply and observer of a race that keeps such members in the study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.race.recommended import num_epochs
from search_spaces.race.search import progress, revive
from search_spaces.race.track import Track
from search_spaces.schedules.contract import Schedule
from search_spaces.study.study import Study
from search_spaces.types.values import Params


def entries(study: Study, prefix: str) -> dict[str, dict[str, Any]]:
    """Return the study's entries of members with further seeds under ``prefix``, by the member's key."""
    return {key.removeprefix(prefix): entry for key, entry in study.facts().items() if key.startswith(prefix)}


AFTER = 1000
"""The further seeds of a trial are ``AFTER + 1`` and so on behind the sweep's: final ones come before."""


def further_seed(seed: int, num_before: int) -> int:
    """Return the next seed of a trial that has had so many further ones, in a sweep with ``seed``."""
    return seed + AFTER + 1 + num_before


@dataclass
class SeedMembers:
    """Members with further seeds, trained for ``epochs``; each is an attribute of the study, ``prefix`` and key."""

    study: Study
    epochs: int
    prefix: str

    def __post_init__(self) -> None:
        self.entries: dict[str, dict[str, Any]] = entries(self.study, self.prefix)

    @property
    def trials(self) -> set[int]:
        """Numbers of the trials that have such members, begun by this driver or an earlier one."""
        return {entry["trial"] for entry in self.entries.values()}

    @property
    def num_epochs(self) -> int:
        """Number of epochs that these members have trained so far."""
        return num_epochs(self.entries.values())

    def again(self, index: int, trial: Track, seed: int, plan: Schedule, params: Params) -> Track:
        """Return a track for ``trial`` with another seed, at ``index`` of its race, with its progress if noted.

        It begins with the values ``params`` of all hyperparameters.
        """
        track = Track(
            index=index,
            trial=trial.trial,
            seed=seed,
            searched=trial.searched,
            params=params,
            signature=trial.signature,
            objective=trial.objective,
            criteria=trial.criteria,
        )
        noted = self.entries.get(track.key, {})
        track.measures.by_epoch = {int(epoch): found for epoch, found in noted.get("measured", {}).items()}
        for epoch, value in noted.get("values", {}).items():
            track.measure(int(epoch), value)
        revive(track, noted, noted.get("state"), plan)
        for rung in plan.rungs[:-1]:
            if rung <= track.rung and track.values:
                track.reached(rung)
        return track

    def more(self, tracks: Sequence[Track], count: int, held: Track | None) -> list[Track]:
        """Return no tracks: none is sampled."""
        return []

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """Write nothing yet: the value is stored with the next checkpoint, without which the epoch is repeated."""

    def moved(self, track: Track) -> None:
        """Store the member's progress and values in the study."""
        self.write(track)

    def ended(self, track: Track) -> None:
        """Store the member's final state and values in the study."""
        self.write(track)

    def write(self, track: Track, **more: Any) -> None:
        """Store a member's progress, values and what ``more`` is known of it."""
        entry = {**self.entries.get(track.key, {}), **progress(track), "values": track.values, **more}
        if track.criteria:
            entry["measured"] = track.measures.by_epoch
        self.entries[track.key] = {"trial": track.trial, "seed": track.seed, **entry}
        self.study.set(self.prefix + track.key, self.entries[track.key])
