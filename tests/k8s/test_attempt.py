"""Attempts get numbers of their own, whoever starts when."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cluster.sweep.attempt import claim_attempt
from cluster.sweep.home import SweepHome


def test_attempts_count_on(tmp_path: Path) -> None:
    assert [claim_attempt(tmp_path, "3f2a") for _ in range(3)] == [1, 2, 3]
    assert claim_attempt(tmp_path, "beef") == 1


def test_a_resumed_sweep_begins_where_it_is_told(tmp_path: Path) -> None:
    assert [claim_attempt(tmp_path, "3f2a", first) for first in (1, 4, 4, 2)] == [1, 4, 5, 6]


def test_no_two_at_once_are_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(lambda _: claim_attempt(tmp_path, "3f2a"), range(64)))
    assert sorted(numbers) == list(range(1, 65))


def test_numbers_are_no_sweeps(tmp_path: Path) -> None:
    claim_attempt(tmp_path, "3f2a")
    assert SweepHome.all(tmp_path) == []
