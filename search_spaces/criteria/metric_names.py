"""Names of metrics that users' code reports: which split they are of, and which names cannot be kept."""

from __future__ import annotations

import posixpath
import re
from typing import Final

MAX_KEY: Final = 250
"""Largest number of characters in a name, MLflow's own limit."""
EPOCH: Final = "epoch"
"""Reported beside metrics by many programs; it is the number of the report, and no metric."""
_VALIDATION: Final = re.compile(r"(?i:val|valid|validation|eval|evaluation|dev)(?=[^a-z])")
_TEST: Final = re.compile(r"(?i:test)(?![a-z])")
_FOLDERS: Final = ("xparam.", "hp/", "cost/", "sweep/")
_OURS: Final = ("best_epoch", "train_seconds", "place", "num_seeds")
_OF_THE_OBJECTIVE: Final = ("best_", "mean_", "std_", "recommended_")
_SMALL: Final = ("err", "wer", "cer", "ppl", "nll", "fid", "ms")
"""Words for what is the better the smaller it is."""
_SMALL_ENDS: Final = ("loss", "error", "mse", "mae", "mape", "perplexity", "latency")
"""Ends of such words, as of ``rmse``."""
LOCKED_TEST: Final = (
    "is of the test split, which is locked until the final evaluation: what the search has seen looks better than "
    "it is"
)


def is_of_test(name: str) -> bool:
    """Return whether a metric is of the test split, by its name: ``test_f1``, ``test/f1``, ``test``."""
    return _TEST.match(name) is not None


def on_test(objective: str) -> str:
    """Return the name of an objective on the test split: ``test_f1`` of ``val_f1`` and of ``f1``."""
    if _VALIDATION.match(objective):
        return _VALIDATION.sub("test", objective, count=1)
    return f"test_{objective}"


def on_validation(name: str) -> str:
    """Return the name that a metric of the test split likely has on the validation split; of others the name."""
    return f"val_{_TEST.sub('', name, count=1).strip('_/.- ')}" if is_of_test(name) else name


def clean_key(key: str) -> str:
    """Return ``key`` as MLflow accepts it: a normal relative path of at most ``MAX_KEY`` legal characters.

    Other characters become ``_``; before a leading dot one is added.
    """
    legal = re.sub(r"[^/\w.\- ]", "_", key)
    normal = posixpath.normpath(legal.strip("/")) if legal.strip("/") else "_"
    return ("_" + normal if normal.startswith(".") else normal)[:MAX_KEY]


def fault_of(name: str, objective: str | None = None) -> str | None:
    """Return why a metric cannot have this name, with one that it can have; None where it can.

    ``objective`` is the name of the sweep's metric, of which Paceline writes the best value and others.
    """
    if (clean := clean_key(name)) != name:
        return f"is no name that MLflow keeps (letters, digits, '_', '-', '.', ' ' and '/'): write {clean!r}"
    ours = name in _OURS or name.startswith(_FOLDERS)
    if ours or (objective is not None and name in [f"{word}{objective}" for word in _OF_THE_OBJECTIVE]):
        other = "own_" + name.replace("/", "_")
        return f"is a name that Paceline itself writes: write another one, such as {other!r}"
    return None


def smaller_is_better(name: str) -> bool:
    """Return whether a metric of this name is likely the better the smaller it is."""
    words = re.split(r"[^a-z]+", name.lower())
    return any(word in _SMALL or word.endswith(_SMALL_ENDS) for word in words)


def with_goal(name: str) -> str:
    """Return what to write for a metric whose goal is not known, with the likelier goal first."""
    first, second = ("minimize", "maximize") if smaller_is_better(name) else ("maximize", "minimize")
    return f"metric: {{name: {name}, goal: {first}}} (or {second})"
