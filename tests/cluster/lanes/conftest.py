"""Leftovers of users' code in this process, watched for one test."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest

from cluster.lanes.leftovers import PR_SET_CHILD_SUBREAPER, Leftovers


@pytest.fixture
def leftovers() -> Iterator[Leftovers]:
    """Watch this process; afterwards it no longer takes in the children of processes that ended."""
    yield Leftovers()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
