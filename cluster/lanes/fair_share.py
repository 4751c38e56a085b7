"""The lanes of one cluster between the sweeps on it: each tells the others what it could use and reckons its share.

Every driver reckons with the same claims by the same rule, so nobody is in charge. Claims lie in the cluster's own
key-value store; one that is not renewed is that of a dead driver and counts no more.
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
    """What a sweep could use now: ``wanted`` lanes of so many CPUs and GPUs each."""

    id: str
    priority: int
    since: float
    """When this driver began, seconds since 1970: of equal claims the older goes first."""
    wanted: int
    cpus: float
    gpus: float
    renewed: float = 0.0


def shares(claims: Iterable[Claim], total: Amounts) -> dict[str, int]:
    """How many lanes each sweep may use.

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
    """One sweep's part in it. ``total`` tells what the cluster has now."""

    claim: Claim
    total: Callable[[], Amounts]
    contested: bool = False
    """Whether others are on the cluster."""
    _asked: float = -RENEW_EVERY_S
    _share: int = 0

    def allowed(self, wanted: int) -> int:
        """How many lanes the sweep may use now, when it could use ``wanted``. The store is asked now and then."""
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
    """Makes or renews a claim in the cluster that this process has joined."""
    from ray.experimental.internal_kv import _internal_kv_put

    _internal_kv_put(PREFIX + claim.id.encode(), json.dumps(asdict(claim)).encode(), overwrite=True)


def claims() -> list[Claim]:
    """Every claim, dead ones too. Another version's driver may say more, which is passed over."""
    from ray.experimental.internal_kv import _internal_kv_get, _internal_kv_list

    found = [json.loads(text) for key in _internal_kv_list(PREFIX) if (text := _internal_kv_get(key))]
    known = [one.name for one in fields(Claim)]
    return [Claim(**{name: entry[name] for name in known}) for entry in found]


def withdraw(sweep_id: str) -> None:
    """Takes a sweep's claim back, if it has one."""
    from ray.experimental.internal_kv import _internal_kv_del

    _internal_kv_del(PREFIX + sweep_id.encode())
