"""Memory that boosted trees take of a lane, beside the process and the table itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workloads.memory_need import MemoryNeed
from workloads.models.boosted_trees.hyperparameters import BoostedTreesHyperparameters

if TYPE_CHECKING:
    from workloads.data.search_data import SearchData

KEPT_BYTES, MADE_BYTES, CATEGORY_BYTES = 9, 15, 4
"""Bytes of a feature of a row: as float64 and bin; made beside; more of it where there are categories."""
SCORE_BYTES = 12
"""Bytes of a row for each tree of an iteration: its score, gradient and hessian."""
DATE_PARTS = {"seconds": 1, "calendar": 6, "cyclic": 10}
"""Features of a date."""
WAYS = "fewer columns, fewer training rows (data.split), or a smaller max_concurrent"


def memory(hp: BoostedTreesHyperparameters, search: SearchData) -> list[MemoryNeed]:
    """Return what one training takes; the rough rest was measured on tables of 0.5 to 6 million cells."""
    columns, num_rows = search.train.columns, len(search.train) + len(search.val)
    wide = {"datetime": DATE_PARTS[hp.date_parts], "text": hp.text_features}
    num_columns = search.train.x[:1].size
    num_features = sum(wide.get(column.kind, 1) for column in columns) or num_columns
    made = MADE_BYTES + CATEGORY_BYTES * any(column.kind == "category" for column in columns)
    several = search.problem == "classification" and search.num_outputs > 2
    trees = search.num_outputs if several else 1
    everything = num_rows * (num_features * (KEPT_BYTES + made) + trees * SCORE_BYTES)
    kept = num_rows * num_columns * KEPT_BYTES  # texts may have fewer words than text_features
    return [
        MemoryNeed(
            label=f"for {num_rows:,} rows of {num_columns:,} columns",
            rows=kept,
            activations=everything - kept,
            beside="copies and gradients",
            then=f"ways out are {WAYS}",
            ways=WAYS,
        )
    ]
