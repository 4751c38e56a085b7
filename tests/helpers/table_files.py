"""Makes a table with a column of every kind, and missing values, as a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = {"size": {"ordinal": ["small", "medium", "large"]}}


def mixed(num_rows: int = 120, seed: int = 0) -> Any:
    """Return a DataFrame whose target ``kind`` (cat, dog) depends on weight, colour and note; ``id`` is unique."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    dog = np.arange(num_rows) % 2 == 1
    note = ["barks at the moon", "sleeps all day long"]
    frame = pd.DataFrame(
        {
            "id": [f"no-{k}" for k in range(num_rows)],
            "weight": rng.normal(4, 1, num_rows) + 4 * dog,
            "size": rng.choice(["small", "medium", "large"], num_rows),
            "colour": np.where(rng.random(num_rows) < 0.8, np.where(dog, "brown", "black"), " white "),
            "born": pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, num_rows), "D"),
            "note": [f"{note[int(is_dog)]} {rng.integers(1000)}" for is_dog in dog],
            "vaccinated": rng.random(num_rows) < 0.5,
            "kind": np.where(dog, "dog", "cat"),
        }
    )
    frame.loc[::9, "weight"] = np.nan
    frame["colour"] = frame["colour"].mask(np.arange(num_rows) % 11 == 0, "?")
    return frame


def write_mixed(folder: Path, name: str = "pets.csv", **how: Any) -> str:
    """Write the table as a CSV file; returns its path."""
    mixed(**how).to_csv(folder / name, index=False)
    return str(folder / name)
