"""Names of trials and of their states for people: in the terminal, in MLflow and in messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_KEY = re.compile(r"t(\d+)(?:-s(\d+))?")
_NAME = re.compile(r"t(\d+)(?: seed (\d+))?")
STATE_WORDS: Final[Mapping[str, str]] = {"paused": "waiting", "stopped": "pruned"}
"""Words for trial states that are shown under another name."""


def trial_name(number: int, seed: int | None = None) -> str:
    """Return ``t004``, or ``t004 seed 1`` for the retraining of trial 4 with seed 1."""
    return f"t{number:03d}" if seed is None else f"t{number:03d} seed {seed}"


def trial_key(number: int, seed: int | None = None) -> str:
    """Return the key of the stores: ``t0004`` for a trial, or ``t0004-s1`` for its training with seed 1."""
    return f"t{number:04d}" if seed is None else f"t{number:04d}-s{seed}"


def name_of_key(key: str) -> str:
    """Return the name for a key of the stores, ``t0004`` or ``t0004-s1``; any other text unchanged."""
    found = _KEY.fullmatch(key)
    if found is None:
        return key
    number, seed = found.groups()
    return trial_name(int(number), None if seed is None else int(seed))


def key_of_name(name: str) -> str:
    """Return the key for a trial's name, ``t0004-s1`` for ``t004 seed 1``; any other text unchanged."""
    found = _NAME.fullmatch(name)
    if found is None:
        return name
    number, seed = found.groups()
    return trial_key(int(number), None if seed is None else int(seed))


def state_word(state: str) -> str:
    """Return the word for a trial's state: ``pruned`` for ``stopped``, ``waiting`` for ``paused``, or its name."""
    return STATE_WORDS.get(state, state)
