"""k-fold cross-validation: a trial's value is the mean of k trainings, each validated on another part of the data.

A fold's features are fitted on its own training part, so the folds of a member are trained one after the other, and
the members of a leg together in each of them. For race and study a member stays one training with one value.
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
from workloads.files.artifacts import Artifacts
from workloads.files.saved_files import SavedFiles
from workloads.training.choose_width import cohort_loops
from workloads.training.setup import Loop, MemberState, Setup, State, Trainee


def fold_data(search: SearchData, fold: int) -> SearchData:
    """Return the search's data divided as ``fold`` (from 0) says, with statistics of the fold's training part."""
    train, val = search.folds[fold]
    x, y = (np.concatenate(pair) for pair in ((search.train.x, search.val.x), (search.train.y, search.val.y)))
    whole = replace(search.train, x=x, y=y)
    part = whole.take(train)
    statistics = scale_of(part) if search.problem == "forecast" else fit(part.x)
    return replace(search, train=part, val=whole.take(val), statistics=statistics, folds=())


def scale_of(part: Arrays) -> Statistics:
    """Return mean and deviation of a series' values, each counted once although overlapping windows repeat it.

    Those of its further inputs are of the windows' first steps.
    """
    values = np.concatenate([part.x[:, 0, 0], part.x[-1, 1:, 0], part.y[-1]])
    inputs = part.x[:, 0, 1:]
    mean, std = (np.array([f(values), *f(inputs, axis=0)]) for f in (np.mean, np.std))
    return Statistics(np.zeros(len(mean)), mean, np.where(std > 0, std, 1.0))


@dataclass
class _Part:
    """Members (by number) that one inner loop trains, in the order of their places there."""

    loop: Loop
    aboard: list[int]


class FoldedLoop:
    """Trains every fold of its members; reports means over the folds, and the objective's standard deviation.

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
        """Number of finished epochs, of which users' code may have ended before the last in some folds."""
        return max(part.loop.epoch_done for part in self._all())

    @epoch_done.setter
    def epoch_done(self, epoch: int) -> None:
        for part in self._all():
            part.loop.epoch_done = epoch

    @property
    def finished(self) -> bool:
        """Whether users' code has ended in all folds. One that ends before counts on with its last values."""
        return all(getattr(part.loop, "finished", False) for part in self._all())

    @property
    def resumable(self) -> bool:
        """Whether the training of all folds can go on from its state."""
        return all(getattr(part.loop, "resumable", True) for part in self._all())

    def epoch(self) -> list[dict[str, float]]:
        """Train every fold of every member for one more epoch; return each member's metrics."""
        records: dict[int, list[dict[str, float]]] = {member: [] for member in self._aboard}
        for part in self._all():
            for member, record in zip(part.aboard, part.loop.epoch(), strict=True):
                records[member].append(record)
        return [_joined(records[member], self._objective) for member in self._aboard]

    def artifacts(self) -> Artifacts:
        """Return the files that users' code has logged since the last call, each fold's in a folder of its own."""
        all_folds = Artifacts()
        for fold, parts in enumerate(self._folds):
            for take in filter(None, [getattr(part.loop, "artifacts", None) for part in parts]):
                all_folds.join(take(), _name(fold, ""))
        return all_folds

    def finite(self) -> list[bool]:
        """Return, for each member, whether the weights of all its folds are finite."""
        found = dict.fromkeys(self._aboard, True)
        for part in self._all():
            for member, finite in zip(part.aboard, part.loop.finite(), strict=True):
                found[member] &= finite
        return [found[member] for member in self._aboard]

    def state(self, k: int) -> MemberState:
        """Return a copy of member ``k``'s state, where each tensor's name begins with its fold."""
        model: State = {}
        optimizer: dict[str, Tensor] = {}
        files: dict[str, SavedFiles] = {}
        for fold, (loop, place) in enumerate(self._places(k)):
            state = loop.state(place)
            model |= {_name(fold, name): value for name, value in state.model.items()}
            optimizer |= {_name(fold, name): value for name, value in state.optimizer.items()}
            files |= {_folder(fold): state.files} if state.files else {}
        return MemberState(model, optimizer, SavedFiles.joined(files) if files else None)

    def load(self, k: int, state: MemberState) -> None:
        """Continue member ``k`` from ``state``."""
        for fold, (loop, place) in enumerate(self._places(k)):
            files = state.files and state.files.part(_folder(fold))
            loop.load(place, MemberState(of_fold(state.model, fold), of_fold(state.optimizer, fold), files))

    def keep(self, ks: Sequence[int]) -> None:
        """Continue with the members at the places ``ks`` only."""
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
    """Return the tensors of ``fold`` from a folded state; those of a state without folds unchanged."""
    lead = _name(fold, "")
    found = {name.removeprefix(lead): value for name, value in tensors.items() if name.startswith(lead)}
    return found or dict(tensors)


def spread(objective: str) -> str:
    """Return the name of the metric that holds the objective's standard deviation over the folds."""
    return f"{objective}_std"


def _of(places: Sequence[tuple[Loop, int]], loop: Loop) -> list[int]:
    return [member for member, (other, _) in enumerate(places) if other is loop]


def _joined(records: Sequence[Mapping[str, float]], objective: str) -> dict[str, float]:
    """Return the means of the metrics that all folds measured; NaN where a fold's value is NaN."""
    names = [name for name in records[0] if all(name in record for record in records)]
    means = {name: sum(record[name] for record in records) / len(records) for name in names}
    if objective in means:
        deviations = [record[objective] - means[objective] for record in records]
        means[spread(objective)] = math.sqrt(sum(d * d for d in deviations) / (len(records) - 1))
    return means


def _name(fold: int, name: str) -> str:
    return f"{_folder(fold)}/{name}"


def _folder(fold: int) -> str:
    return f"fold{fold}"
