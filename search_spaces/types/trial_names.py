"""Names of trials and of their states wherever people read them: in the terminal, in MLflow and in messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_KEY = re.compile(r"t(\d+)(?:-s(\d+))?")
_NAME = re.compile(r"t(\d+)(?: seed (\d+))?")
STATE_WORDS: Final[Mapping[str, str]] = {"paused": "waiting", "stopped": "pruned"}
"""What people read for a trial's state, where that is not its name."""


def trial_name(number: int, seed: int | None = None) -> str:
    """``t004``, and ``t004 seed 1`` for its retraining with a further seed."""
    return f"t{number:03d}" if seed is None else f"t{number:03d} seed {seed}"


def name_of_key(key: str) -> str:
    """The name of the trial that stores know as ``t0004`` or ``t0004-s1``; any other key as it is."""
    found = _KEY.fullmatch(key)
    if found is None:
        return key
    number, seed = found.groups()
    return trial_name(int(number), None if seed is None else int(seed))


def key_of_name(name: str) -> str:
    """The key behind a trial's name: ``t0004-s1`` for ``t004 seed 1``; anything else, such as a key, as it is."""
    found = _NAME.fullmatch(name)
    if found is None:
        return name
    number, seed = found.groups()
    return f"t{int(number):04d}" if seed is None else f"t{int(number):04d}-s{seed}"


def state_word(state: str) -> str:
    """``pruned`` for a trial that the schedule stopped, ``waiting`` for one that may be promoted."""
    return STATE_WORDS.get(state, state)
