"""Makes the search's data of a streamed source: a sample in memory, and a stream of all training rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workloads.arrays import DataError
from workloads.data.sources.image_records import example_shape
from workloads.data.streaming.images import ImageRows, image_place
from workloads.data.streaming.stream import Examples, Stream, TableRows

if TYPE_CHECKING:
    from search_spaces.spec.data import Data
    from workloads.data.raw import Rest
    from workloads.data.search_data import Prepared, SearchData


def with_stream(found: Prepared, rest: Rest, data: Data, classes: Sequence[Any]) -> Prepared:
    """Return ``found``, made from the kept rows, with a stream of all training rows and a card that counts them.

    Its indices become positions in the source, those of training rows only the sample's. Raises DataError for a
    column of free text, which cannot be streamed, or a class without a row in some split.
    """
    counts = _counts(rest, classes)
    stream = Stream(
        files=rest.files,
        shares=rest.shares,
        target=replace(rest.target, classes=tuple(classes)),
        examples=_examples(found.search, rest, data),
        num_rows=rest.num_rows["train"],
        class_counts=counts,
        row_bytes=max(1, found.search.train.x[:1].nbytes),
    )
    _check_classes(found, counts, classes)
    card = found.card
    of_classes = {**card.class_counts, "train": counts} if classes else card.class_counts
    sampled = len(found.search.train)
    card = replace(
        card,
        notes=(*card.notes, *_copies_seen(data, sampled, stream.num_rows)),
        rows={**card.rows, "train": stream.num_rows},
        class_counts=of_classes,
        digest=f"{card.digest[:48]}{rest.checksum}",
        missing=_missing(rest, card.columns),
        details={**card.details, "streamed": 1, "sampled_rows": sampled},
    )
    own = {name for name in ("val", "test") if getattr(data, name) is not None}
    indices = {name: index if name in own else rest.rows[index] for name, index in found.indices.items()}
    return replace(found, search=replace(found.search, stream=stream), card=card, indices=indices)


def _copies_seen(data: Data, sampled: int, num_rows: int) -> tuple[str, ...]:
    """Return a note where copies of rows may be in two splits, and not all training rows were looked at."""
    apart = data.val is not None or data.test is not None or data.split.group is not None
    if not apart or sampled == num_rows:
        return ()
    return (f"copies of rows are looked for among {sampled} of {num_rows} training rows",)


def _examples(search: SearchData, rest: Rest, data: Data) -> Examples:
    columns, place = search.train.columns, rest.files.place
    if not columns:
        column, uri = image_place(data)
        return ImageRows(example_shape(search.train.x), data.skip_bad, place, column, uri, rest.depth)
    texts = [column.name for column in columns if column.kind == "text"]
    if texts:
        raise DataError(
            f"{place}: column {texts[0]!r} holds free text, which is not streamed: say data.columns: "
            f"{{{texts[0]}: drop}}, or category"
        )
    return TableRows(columns, place)


def _counts(rest: Rest, classes: Sequence[Any]) -> tuple[int, ...]:
    """Return the number of training rows of each class."""
    found: Counter[Any] = Counter()
    for word, count in rest.counts.items():
        found[float(word) if rest.target.numeric else word] += count
    return tuple(found[float(label) if rest.target.numeric else label] for label in classes)


def _check_classes(found: Prepared, train: Sequence[int], classes: Sequence[Any]) -> None:
    counts = {**found.card.class_counts, "train": train} if classes else {}
    for split, each in counts.items():
        absent = [str(label) for label, count in zip(classes, each, strict=True) if count == 0]
        if absent:
            raise DataError(
                f"each class needs a row in every split, and {split} has none of {', '.join(absent[:5])}: give it "
                "a larger share in data.split, or leave such rows out"
            )


def _missing(rest: Rest, kinds: Mapping[str, str]) -> dict[str, int]:
    return {name: n for name, n in rest.missing.items() if n and name in kinds}
