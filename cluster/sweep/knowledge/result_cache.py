"""Finds what earlier sweeps of the folder know of trainings that a sweep would do again.

By default for our own workloads, whose code and data are wholly known; for a function of a user's, which may read
anything, where its spec asks for it.

The results lie in the earlier sweeps' studies. Beside each is a file with the keys of its trainings and of its
search: equal keys mean that equal configurations train alike, and that an equal search proposed them.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cluster.sweep.files.kept import write_whole
from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge.code_digest import code_digest
from cluster.sweep.knowledge.data_key import data_key
from cluster.sweep.restore import CARD
from search_spaces.race.earlier.known_results import NO_RESULTS, KnownResult, KnownResults, known_values
from search_spaces.space.hyperparameters import complete
from search_spaces.spec.data import PATHS
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import CANNOT_GO_ON
from search_spaces.types.faults import SpecError
from search_spaces.types.files.sealed import Rotten, document, sealed
from search_spaces.types.problems import COSTS
from search_spaces.types.values import Identity, identity
from workloads.registry import described, is_users
from workloads.users_packages.environment import marks

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep
    from search_spaces.study.contract import Record

FILE: Final = "cache_keys.json"
TRAINING: Final = ("workload", "problem", "epochs", "seed", "resources", "env", "pip")
"""Fields of a ``Sweep`` on which it depends what training a configuration comes to."""
NOT_OF_SEARCH: Final = (
    "name", "description", "trials", "timeout_s", "grace_s", "trial_timeout_s", "priority", "max_concurrent",
    "max_retries", "max_failed_trials", "final", "tracking", "storage", "data", "cache", "budget", "cost_per_hour",
    "stop_when", "retest",
)  # fmt: skip
"""Fields on which the questions to its sampler do not depend."""


@dataclass(frozen=True)
class Keys:
    """Keys of a sweep's trainings and of its search. Empty: there is nothing that another sweep may take over."""

    training: str = ""
    search: str = ""


def known_results(
    home: SweepHome, sweep: Sweep, study: Study, earlier: str = "", gpus: Sequence[str] = ()
) -> KnownResults:
    """Note the sweep's keys in its home, and return what the other sweeps of the folder know of its trainings.

    ``earlier`` is what it knows by its warm start, and ``gpus`` are the kinds that it would train on.
    """
    keys = _noted(home, _keys(sweep, study.facts().get(CARD), earlier, gpus), is_new=not study.records())
    if sweep.cache is False or not keys.training:
        return NO_RESULTS
    kind = described(sweep.workload).hyperparameters  # equal keys mean equal code, and that of others is not run
    results: dict[Identity, KnownResult] = {}
    proposals: list[Mapping[str, Any]] = []
    for other in reversed(SweepHome.all(home.path.parent)):
        if other.path == home.path or (found := _kept(other)).training != keys.training:
            continue
        try:
            old = other.sweep()
            records = Study(other.id, old.goals, other.study, writing=False).records()
        except (OSError, SpecError, *CANNOT_GO_ON):  # it is lost, or away: nothing is taken from it
            continue
        for key, result in _results(other, old, records, kind):
            if key not in results or results[key].last < result.last:
                results[key] = result
        if found.search == keys.search and not (old.edits or sweep.edits) and len(records) > len(proposals):
            proposals = [record.params for record in records]
    return KnownResults(results, proposals)


def _keys(sweep: Sweep, card: Mapping[str, Any] | None, earlier: str, gpus: Sequence[str]) -> Keys:
    """Return the keys; empty where equal configurations need not come to equal values, or decide otherwise.

    How many processes train a trial of a variable number is decided as it starts. With repeats one that is known
    would pass its rungs by its first seed alone, where others wait for the mean over all.
    """
    timed = {sweep.metric.name, *sweep.criteria.names} & set(COSTS)
    varies = sweep.resources.least != sweep.resources.most or sweep.early_terminate.type == "pbt"
    unlike = bool(timed or sweep.criteria or varies or sweep.repeats)
    if card is None or unlike or (is_users(sweep.workload) and not sweep.cache):
        return Keys()
    fields = sweep.model_dump(mode="json")
    told = {name: fields[name] for name in TRAINING} | {"metric": [sweep.metric.name, sweep.metric.goal]}
    told["data"] = {name: value for name, value in fields["data"].items() if name not in (*PATHS, "also")}
    told |= {"rows": data_key(card), "code": code_digest(sweep.workload)}
    if sweep.pip:
        told["packages"] = marks(sweep.packages)
    if sweep.command:
        told |= {"command": fields["command"], "code": code_digest(sweep.workload, sweep.folder)}
    told["machine"] = [platform.machine(), *gpus]
    training = _digest(told)
    asked = {name: value for name, value in fields.items() if name not in NOT_OF_SEARCH}
    return Keys(training, _digest({"training": training, "earlier": earlier, **asked}))


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _noted(home: SweepHome, now: Keys, is_new: bool) -> Keys:
    """Keep the keys with the sweep, and return them.

    Those of a sweep that goes on with other code are empty for good: nobody knows which trial was trained by which.
    One that was edited no longer proposes what an equal one would.
    """
    kept = _kept(home)
    same_search = kept.search if kept.search == now.search else ""
    keys = now if is_new else Keys(now.training, same_search) if kept.training == now.training else Keys()
    if keys != kept or is_new:
        write_whole(home.path / FILE, sealed(json.dumps({"format": 1, **asdict(keys)})))
    return keys


def _kept(home: SweepHome) -> Keys:
    """Return the keys that were kept with a sweep; empty where they are lost, or it is of an earlier version."""
    try:
        found = document((home.path / FILE).read_bytes())
    except (OSError, Rotten):
        return Keys()
    return Keys(str(found.get("training", "")), str(found.get("search", "")))


def _results(
    home: SweepHome, sweep: Sweep, records: list[Record], kind: type
) -> Iterator[tuple[Identity, KnownResult]]:
    """Yield what the trials of a sweep have come to, by their whole configuration."""
    for record in records:
        noted = record.attributes.get("progress", {})
        values = known_values(record.values)
        full = complete(kind, {**sweep.drawn_with(record.number)[1], **record.params})
        if record.outcome == "failed" or noted.get("exploits") or not values or _is_elsewhere(full):
            continue
        source = noted.get("cached") or {}
        taken = source and source["epoch"] >= max(values)
        objective = sweep.objective
        yield (
            identity(full),
            KnownResult(
                sweep=source["sweep"] if taken else home.id,
                trial=source["trial"] if taken else record.number,
                values=values,
                is_settled=record.outcome == "done" and noted.get("last") == max(values),
                best_epoch=min(values, key=lambda epoch: (objective.signed(values[epoch]), -epoch)),
                beside=noted.get("beside") or {},
            ),
        )


def _is_elsewhere(full: Mapping[str, Any]) -> bool:
    """Whether a value names something outside of code and data, such as weights, that may change under its name."""
    texts = [value for value in full.values() if isinstance(value, str)]
    return any("/" in text or ":" in text or (text and Path(text).expanduser().exists()) for text in texts)
