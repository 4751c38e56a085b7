"""k folds: a trial's value is the mean of k trainings, each with another part of the data kept for validation.

A fold's features are fitted on its own training part, so the folds of a member are trained one after the other, and
the members of a leg together in each of them. To race and study a member stays one training with one value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from workloads.data.prepare import Arrays
from workloads.data.search_data import SearchData
from workloads.data.statistics import Statistics, fit
from workloads.training.choose_width import cohort_loops
from workloads.training.setup import Loop, MemberState, Setup, State, Trainee


def fold_data(search: SearchData, fold: int) -> SearchData:
    """What a search may see, divided as ``fold`` (from 0) says, prepared by its own training part."""
    train, val = search.folds[fold]
    x, y = (np.concatenate(pair) for pair in ((search.train.x, search.val.x), (search.train.y, search.val.y)))
    whole = replace(search.train, x=x, y=y)
    part = whole.take(train)
    statistics = scale_of(part) if search.problem == "forecast" else fit(part.x)
    return replace(search, train=part, val=whole.take(val), statistics=statistics, folds=())


def scale_of(part: Arrays) -> Statistics:
    """Of a series' values: windows that follow one another hold each but a few of the first ones many times."""
    values = np.concatenate([part.x[:, 0, 0], part.x[-1, 1:, 0], part.y[-1]])
    return Statistics(np.zeros(1), values.mean(keepdims=True), np.array([values.std() or 1.0]))


@dataclass
class _Part:
    """Members (by number) that one inner loop trains, in the order of their places there."""

    loop: Loop
    aboard: list[int]


class FoldedLoop:
    """Trains every fold of its members, and reports of each the means, and the spread of the sweep's objective.

    ``setups`` are those of the folds. The state of a member holds the states of all its folds.
    """

    def __init__(self, setups: Sequence[Setup], members: Sequence[Trainee], num_epochs: int) -> None:
        self.members = list(members)
        self.messages: list[str] = []
        self._objective = setups[0].objective.name
        self._aboard = list(range(len(members)))
        self._folds = [self._parts(setup, num_epochs) for setup in setups]

    def _parts(self, setup: Setup, num_epochs: int) -> list[_Part]:
        places, messages = cohort_loops(setup, self.members, num_epochs)
        self.messages += messages
        loops = list({id(loop): loop for loop, _ in places}.values())
        return [_Part(loop, sorted(_of(places, loop), key=lambda m: places[m][1])) for loop in loops]

    @property
    def epoch_done(self) -> int:
        """The epochs behind it."""
        return self._folds[0][0].loop.epoch_done

    @epoch_done.setter
    def epoch_done(self, epoch: int) -> None:
        for part in self._all():
            part.loop.epoch_done = epoch

    def epoch(self) -> list[dict[str, float]]:
        """One more epoch of every fold of every member."""
        records: dict[int, list[dict[str, float]]] = {member: [] for member in self._aboard}
        for part in self._all():
            for member, record in zip(part.aboard, part.loop.epoch(), strict=True):
                records[member].append(record)
        return [_joined(records[member], self._objective) for member in self._aboard]

    def finite(self) -> list[bool]:
        """Whether the weights of all folds are finite, by member."""
        found = dict.fromkeys(self._aboard, True)
        for part in self._all():
            for member, finite in zip(part.aboard, part.loop.finite(), strict=True):
                found[member] &= finite
        return [found[member] for member in self._aboard]

    def state(self, k: int) -> MemberState:
        """A copy of member ``k``'s state, each tensor's name led by its fold."""
        model: State = {}
        optimizer: dict[str, Tensor] = {}
        for fold, (loop, place) in enumerate(self._places(k)):
            state = loop.state(place)
            model |= {_name(fold, name): value for name, value in state.model.items()}
            optimizer |= {_name(fold, name): value for name, value in state.optimizer.items()}
        return MemberState(model, optimizer)

    def load(self, k: int, state: MemberState) -> None:
        """Go on from ``state``."""
        for fold, (loop, place) in enumerate(self._places(k)):
            loop.load(place, MemberState(of_fold(state.model, fold), of_fold(state.optimizer, fold)))

    def keep(self, ks: Sequence[int]) -> None:
        """Go on with these members only."""
        kept = [self._aboard[k] for k in ks]
        for parts in self._folds:
            for part in list(parts):
                places = [i for i, member in enumerate(part.aboard) if member in kept]
                if not places:
                    parts.remove(part)
                elif len(places) < len(part.aboard):
                    part.loop.keep(places)
                    part.aboard = [part.aboard[i] for i in places]
        self.members = [self.members[k] for k in ks]
        self._aboard = kept

    def _all(self) -> list[_Part]:
        return [part for parts in self._folds for part in parts]

    def _places(self, k: int) -> list[tuple[Loop, int]]:
        member = self._aboard[k]
        found = [next(part for part in parts if member in part.aboard) for parts in self._folds]
        return [(part.loop, part.aboard.index(member)) for part in found]


def of_fold(tensors: Mapping[str, Tensor], fold: int) -> dict[str, Tensor]:
    """What a folded state holds of ``fold``; tensors of a state without folds as they are."""
    lead = _name(fold, "")
    found = {name.removeprefix(lead): value for name, value in tensors.items() if name.startswith(lead)}
    return found or dict(tensors)


def spread(objective: str) -> str:
    """The metric that tells the standard deviation of the objective over the folds."""
    return f"{objective}_std"


def _of(places: Sequence[tuple[Loop, int]], loop: Loop) -> list[int]:
    return [member for member, (other, _) in enumerate(places) if other is loop]


def _joined(records: Sequence[Mapping[str, float]], objective: str) -> dict[str, float]:
    """Means over the folds of what all of them measured; NaN where one is."""
    names = [name for name in records[0] if all(name in record for record in records)]
    means = {name: sum(record[name] for record in records) / len(records) for name in names}
    if objective in means:
        deviations = [record[objective] - means[objective] for record in records]
        means[spread(objective)] = math.sqrt(sum(d * d for d in deviations) / (len(records) - 1))
    return means


def _name(fold: int, name: str) -> str:
    return f"fold{fold}/{name}"
