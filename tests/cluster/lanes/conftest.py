"""Leftovers of users' code in this process, watched for one test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.lanes.leftovers import Leftovers
from workloads.models.script.child_processes import adopt_orphans


@pytest.fixture
def leftovers() -> Iterator[Leftovers]:
    """Watch this process; afterwards it no longer takes in the children of processes that ended."""
    yield Leftovers()
    adopt_orphans(False)
