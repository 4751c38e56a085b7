"""Finds the champion's worst mistakes, and its most confident successes on images, on the validation split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search_spaces.types.inspected.examples import Picture
from search_spaces.types.inspection import Mistake
from workloads.arrays import Array, Arrays
from workloads.champion.looks.saliency import NoSaliency, saliency
from workloads.champion.looks.seen import Seen
from workloads.champion.looks.small_images import heat, png, sheet
from workloads.champion.winner import errors_of
from workloads.data.sources.image_files import decoded
from workloads.tables.columns import decode

MAX_MISTAKES = 24
MAX_SUCCESSES = 12


@dataclass(frozen=True)
class _Case:
    """A validation example with what was predicted for it."""

    place: int
    truth: str
    predicted: str
    loss: float
    confidence: float | None = None

    @property
    def caption(self) -> str:
        """True and predicted value in words."""
        sure = "" if self.confidence is None else f" ({100 * self.confidence:.1f} %)"
        return f"true {self.truth}, predicted {self.predicted}{sure}"


def mistakes(seen: Seen) -> dict[str, Any]:
    """Return the worst mistakes on the validation split, the worst first, with their values or images.

    Of classes the wrong ones with the largest loss, of numbers those with the largest absolute error. Of images of
    classes the most confident right ones of each class, too. Empty where there is neither.
    """
    of_classes = seen.winner.setup.data.shape.problem == "classification"
    found = _wrong_classes(seen) if of_classes else _large_errors(seen)
    listed = [
        Mistake(
            row=seen.row(case.place),
            truth=case.truth,
            predicted=case.predicted,
            loss=case.loss,
            confidence=case.confidence,
            example=described(seen.val, case.place),
        )
        for case in found
    ]
    made: dict[str, Any] = {"mistakes": listed} if listed else {}
    return made | _pictures(seen, found, _successes(seen) if of_classes else [])


def _pictures(seen: Seen, wrong: Sequence[_Case], right: Sequence[_Case]) -> dict[str, Any]:
    """Return the tiles of both, and one sheet of the mistakes; nothing where the examples are no images."""
    cases = [*wrong, *right]
    if seen.val.x.dtype != np.uint8 or not cases:
        return {}
    part = seen.val.take(np.array([case.place for case in cases]))
    images, why = decoded(part.x), ""
    maps: Sequence[Array | None] = [None] * len(cases)
    try:
        maps = list(saliency(seen.winner, part))
    except (NoSaliency, RuntimeError) as error:  # RuntimeError: torch's, of a network in which no gradient passes
        why = str(error)
    tiles = [
        Picture(
            png=png(image),
            caption=f"{case.caption}; row {seen.row(case.place)}",
            saliency=None if of is None else png(heat(of)),
        )
        for case, image, of in zip(cases, images, maps, strict=True)
    ]
    named = {"mistakes": tiles[: len(wrong)], "successes": tiles[len(wrong) :]}
    made: dict[str, Any] = {"images": {name: of for name, of in named.items() if of}, "no_saliency": why}
    if wrong:
        captions = [(f"true {case.truth}", f"predicted {case.predicted}") for case in wrong]
        made["pictures"] = sheet(images[: len(wrong)], captions)
    return made


def _wrong_classes(seen: Seen) -> list[_Case]:
    loss, predicted = seen.of_val["loss"], seen.of_val["logits"].argmax(1)
    wrong = np.flatnonzero(predicted != seen.val.y)
    return [_of_class(seen, int(i)) for i in wrong[np.argsort(-loss[wrong], kind="stable")][:MAX_MISTAKES]]


def _of_class(seen: Seen, place: int) -> _Case:
    share, names = seen.val_shares[place], seen.winner.classes
    loss = float(seen.of_val["loss"][place])
    return _Case(place, names[seen.val.y[place]], names[share.argmax()], loss, float(share.max()))


def _successes(seen: Seen) -> list[_Case]:
    """Return right examples: the most confident of each class, then the second of each, and so on."""
    if seen.val.x.dtype != np.uint8:
        return []
    top = seen.val_shares.max(1)
    right = np.flatnonzero(seen.of_val["logits"].argmax(1) == seen.val.y)
    ranked = right[np.argsort(-top[right], kind="stable")]
    turn, count = {}, dict.fromkeys(range(len(seen.winner.classes)), 0)
    for place in ranked.tolist():
        turn[place] = count[int(seen.val.y[place])]
        count[int(seen.val.y[place])] += 1
    return [_of_class(seen, place) for place in sorted(ranked.tolist(), key=turn.__getitem__)[:MAX_SUCCESSES]]


def _large_errors(seen: Seen) -> list[_Case]:
    truth, error = errors_of(seen.winner, seen.val, seen.of_val)
    worst = np.argsort(-np.abs(error), kind="stable")[:MAX_MISTAKES].tolist()
    return [_Case(i, _number(truth[i]), _number(truth[i] + error[i]), abs(float(error[i]))) for i in worst]


def _number(value: float) -> str:
    """Return a number of a row with six digits, and all those before the point."""
    return f"{value:.0f}" if 1e6 <= abs(value) < 1e15 else f"{value:.6g}"


def described(part: Arrays, row: int) -> Mapping[str, str]:
    """Return a table row's values as text, by column, dates in ISO format; empty for other data."""
    if not part.columns:
        return {}
    values = decode(part.x[row : row + 1], part.columns).iloc[0]
    return {column.name: _word(values[column.name], column.kind) for column in part.columns}


def _word(value: Any, kind: str) -> str:
    if value != value or value is None:
        return ""
    if kind == "datetime":
        return str(np.datetime64(int(value), "s"))
    return _number(value) if isinstance(value, float) else str(value)
