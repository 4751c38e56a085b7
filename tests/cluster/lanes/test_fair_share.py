"""How the lanes of a cluster are shared: by priority, and lane by lane among equals."""

from __future__ import annotations

import pytest

from cluster.lanes import fair_share
from cluster.lanes.fair_share import Claim, Sharing, shares


def claim(name: str, wanted: int, priority: int = 0, cpus: float = 1, gpus: float = 0, since: float = 0) -> Claim:
    return Claim(id=name, priority=priority, since=since, wanted=wanted, cpus=cpus, gpus=gpus)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ([claim("a", 8)], {"a": 4}),
        ([claim("a", 8), claim("b", 8, since=1)], {"a": 2, "b": 2}),
        ([claim("a", 8), claim("b", 8, since=1), claim("c", 8, since=2)], {"a": 2, "b": 1, "c": 1}),
        ([claim("a", 1), claim("b", 8, since=1)], {"a": 1, "b": 3}),
        ([claim("a", 8), claim("b", 8, priority=1)], {"a": 0, "b": 4}),
        ([claim("a", 8), claim("b", 3, priority=1)], {"a": 1, "b": 3}),
        ([claim("a", 8, cpus=2), claim("b", 8, since=1)], {"a": 1, "b": 2}),
        ([claim("a", 8, gpus=1), claim("b", 8, since=1)], {"a": 2, "b": 2}),
        ([claim("a", 8, cpus=9)], {"a": 0}),
        ([], {}),
    ],
)
def test_shares_of_four_cpus_and_two_gpus(claims: list[Claim], expected: dict[str, int]) -> None:
    assert shares(claims, {"CPU": 4, "GPU": 2}) == expected
    assert shares(claims[::-1], {"CPU": 4, "GPU": 2}) == expected


def test_a_claim_that_is_not_renewed_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    stored: dict[str, Claim] = {"dead": claim("dead", 8, priority=9)}
    monkeypatch.setattr(fair_share, "put", lambda one: stored.update({one.id: one}))
    monkeypatch.setattr(fair_share, "claims", lambda: list(stored.values()))
    mine = Sharing(claim("mine", 8), lambda: {"CPU": 4})
    assert mine.allowed(8) == 8
    assert not mine.contested
    monkeypatch.setattr(fair_share, "RENEW_EVERY_S", 0.0)
    stored["other"] = claim("other", 8, priority=9)
    stored["other"] = Claim(**{**vars(stored["other"]), "renewed": stored["mine"].renewed})
    assert mine.allowed(8) == 0
    assert mine.contested
