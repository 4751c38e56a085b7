"""Divides the lanes of a cluster among its sweeps: each driver publishes a claim and computes its own share.

All drivers apply the same rule to the same claims, so no coordinator is needed. Claims are kept in the cluster's
own key-value store; one that is not renewed belongs to a dead driver and is ignored.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Final

from cluster.sweep.lane_count import Amounts

RENEW_EVERY_S: Final = 2.0
STALE_AFTER_S: Final = 15.0
PREFIX: Final = b"paceline:claim:"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The demand of a sweep: ``wanted`` lanes of ``cpus`` CPUs and ``gpus`` GPUs each."""

    id: str
    priority: int
    since: float
    """Start time of this driver in seconds since 1970: of equal claims the older one goes first."""
    wanted: int
    cpus: float
    gpus: float
    renewed: float = 0.0


def shares(claims: Iterable[Claim], total: Amounts) -> dict[str, int]:
    """Return the number of lanes that each sweep may use, by its ID.

    Higher priorities first take all that they can use; sweeps of equal priority take turns, lane by lane, the
    oldest first. A sweep for which nothing is left gets 0 and waits.
    """
    free_cpus, free_gpus = total.get("CPU", 0.0) + 1e-9, total.get("GPU", 0.0) + 1e-9
    ordered = sorted(claims, key=lambda claim: (-claim.priority, claim.since, claim.id))
    given = {claim.id: 0 for claim in ordered}
    for priority in sorted({claim.priority for claim in ordered}, reverse=True):
        level = [claim for claim in ordered if claim.priority == priority]
        moved = True
        while moved:
            moved = False
            for claim in level:
                if given[claim.id] < claim.wanted and claim.cpus <= free_cpus and claim.gpus <= free_gpus:
                    given[claim.id] += 1
                    free_cpus, free_gpus, moved = free_cpus - claim.cpus, free_gpus - claim.gpus, True
    return given


@dataclass
class Sharing:
    """One sweep's share of the cluster. ``total`` returns the cluster's current resources."""

    claim: Claim
    total: Callable[[], Amounts]
    contested: bool = False
    """Whether other sweeps are on the cluster."""
    _asked: float = -RENEW_EVERY_S
    _share: int = 0

    def allowed(self, wanted: int) -> int:
        """Return how many of ``wanted`` lanes the sweep may use now; recomputed every ``RENEW_EVERY_S`` seconds."""
        if time.monotonic() - self._asked >= RENEW_EVERY_S:
            self._asked = time.monotonic()
            self.claim = replace(self.claim, wanted=wanted, renewed=time.time())
            put(self.claim)
            others = [claim for claim in claims() if claim.id != self.claim.id]
            alive = [claim for claim in others if time.time() - claim.renewed < STALE_AFTER_S]
            self.contested = bool(alive)
            self._share = shares([self.claim, *alive], self.total())[self.claim.id] if alive else wanted
        return self._share


def put(claim: Claim) -> None:
    """Write or renew a claim in the cluster that this process has joined."""
    from ray.experimental.internal_kv import _internal_kv_put

    _internal_kv_put(PREFIX + claim.id.encode(), json.dumps(asdict(claim)).encode(), overwrite=True)


def claims() -> list[Claim]:
    """Return every claim, those of dead drivers too. Unknown fields, written by another version, are ignored."""
    from ray.experimental.internal_kv import _internal_kv_get, _internal_kv_list

    found = [json.loads(text) for key in _internal_kv_list(PREFIX) if (text := _internal_kv_get(key))]
    known = [one.name for one in fields(Claim)]
    return [Claim(**{name: entry[name] for name in known}) for entry in found]


def withdraw(sweep_id: str) -> None:
    """Delete a sweep's claim, if it has one."""
    from ray.experimental.internal_kv import _internal_kv_del

    _internal_kv_del(PREFIX + sweep_id.encode())
