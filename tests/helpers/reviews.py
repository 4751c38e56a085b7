"""Makes small reviews of one sentence, or pairs of them, for the tests of sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from search_spaces.spec.data import Data
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared

GOOD, BAD = ("fine", "warm", "clever"), ("dull", "cold", "clumsy")
FILLERS = ("", "on the whole", "after all that was said of it", "to me and to all who saw it on that evening")


def rows(num_rows: int) -> pd.DataFrame:
    """Return reviews of several lengths, good and bad ones in turn, with a second text and a number."""
    kinds = [k % 2 for k in range(num_rows)]
    said = [(GOOD if kind else BAD)[k // 2 % 3] for k, kind in enumerate(kinds)]
    texts = [f"Film {k} is {word} {FILLERS[k // 6 % 4]}" for k, word in enumerate(said)]
    label = ["good" if kind else "bad" for kind in kinds]
    return pd.DataFrame({"review": texts, "also": said, "label": label, "stars": [k + 0.5 for k in kinds]})


def reviews(folder: Path, num_rows: int = 60, **how: Any) -> Prepared:
    """Return reviews, prepared; ``how`` holds other keys of the spec's data."""
    file = folder / "reviews.csv"
    rows(num_rows).to_csv(file, index=False)
    return prepare(Data.model_validate({"csv": str(file), "target": "label", "text": "review", **how}))
