"""Reads a text as windows of characters, split by position, with codes for the training part's characters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from search_spaces.spec.files.compressed import opened
from search_spaces.spec.files.encodings import TEXT_ENCODING, EncodingFault, decoded
from workloads.arrays import Array, Arrays, DataError
from workloads.data.raw import NOT_COUNTED, Ordered
from workloads.data.splits import in_order
from workloads.data.statistics import Statistics

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

UNKNOWN = 0
"""Code of all characters that do not occur in the training part."""
WINDOW = 64
"""Default number of characters in a window."""


def text(data: Data) -> Ordered:
    """Read a text as windows of codes (window,), with the same codes one character later as targets.

    Training windows do not overlap. Those of validation and test overlap by half, and a target that an earlier
    window has does not count again: each counts once, and outside of the first window each is predicted from at
    least half a window. Raises DataError, one sentence for the user.
    """
    texts, first = _split(data)
    characters = sorted(set(texts["train"]))
    parts, indices = {}, {}
    for name, part in texts.items():
        starts = _starts(name, part, data)
        parts[name] = replace(windows(coded(part, characters), starts, data.window or WINDOW), text=part)
        indices[name] = first[name] + starts
    unknown = _unknown(texts, characters)
    told = "are none of the training part's: they count as one"
    return Ordered(
        kind="text",
        problem="language",
        parts=parts,
        indices=indices,
        statistics=Statistics(np.zeros(()), np.zeros(()), np.ones(())),
        num_outputs=1 + len(characters),
        vocabulary="".join(characters),
        notes=tuple(f"{count} characters of {name} {told}" for name, count in unknown.items() if count),
        details={"characters": len(characters), **{f"unknown_in_{name}": n for name, n in unknown.items()}},
    )


def _split(data: Data) -> tuple[dict[str, str], dict[str, int]]:
    """Return each split's text, and the position of its first character in its file, by split."""
    assert data.text is not None
    encoding = data.encoding or TEXT_ENCODING
    whole = read_text(data.text, encoding)
    places = in_order(len(whole), data.split, with_test=data.test is None)
    texts = {name: whole[place.start : place.stop] for name, place in places.items()}
    first = {name: place.start for name, place in places.items()}
    return (
        (texts, first)
        if data.test is None
        else (
            {**texts, "test": read_text(data.test, encoding)},
            {**first, "test": 0},
        )
    )


def read_text(path: str, encoding: str, name: str = "") -> str:
    """Return the file's text. Raises DataError that names the first byte that is not valid in ``encoding``.

    ``name`` is what the file is called in it; its own name by default.
    """
    try:
        with opened(Path(path)) as file:
            return decoded(file.read(), encoding)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    except EncodingFault as fault:
        raise DataError(f"{name or Path(path).name}: {fault}; data.encoding: {fault.likely}?") from fault


def coded(part: str, characters: list[str]) -> Array:
    """Return each character's position among ``characters``, from 1, or UNKNOWN, as int64."""
    code = {character: 1 + i for i, character in enumerate(characters)}
    return np.fromiter((code.get(character, UNKNOWN) for character in part), np.int64, len(part))


def windows(codes: Array, starts: Array, window: int) -> Arrays:
    """Return inputs and targets, both (windows, window); targets that an earlier window has are NOT_COUNTED."""
    at = starts[:, None] + np.arange(window)
    y = codes[at + 1]
    counted = np.concatenate([[0], at[:-1, -1] + 1])
    y[at < counted[:, None]] = NOT_COUNTED
    return Arrays(codes[at], y)


def _starts(name: str, part: str, data: Data) -> Array:
    """Return the starts of a split's windows, each with a character after it.

    The last window of val and test reaches the end; a rest of the training text that fills no window is left out.
    """
    window = data.window or WINDOW
    last = len(part) - window - 1
    if last < 0:
        held = f"the {name} part of {Path(data.origin).name} holds {len(part)} characters"
        raise DataError(f"{held}, too few for a window of {window} and the one after it: set data.window")
    if name == "train":
        return np.arange(0, last + 1, window)
    return np.append(np.arange(0, last, max(1, window // 2)), last)


def _unknown(texts: Mapping[str, str], characters: list[str]) -> dict[str, int]:
    """Return how many characters of val and of test do not occur in the training part, repetitions included."""
    known = set(characters)
    return {name: sum(c not in known for c in texts[name]) for name in ("val", "test")}
