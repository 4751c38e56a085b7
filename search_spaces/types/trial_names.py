"""How a trial is called wherever people read it: in the terminal, in MLflow and in messages."""

from __future__ import annotations

import re

_KEY = re.compile(r"t(\d+)(?:-s(\d+))?")


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
