"""A finished sweep of a small table, whose champion is registered: run once for the tests that use it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.helpers.sweep_here import Here

SPEC = """
name: patients
workload: mlp
data: {csv: patients.csv, target: outcome}
epochs: 3
trials: 2
parameters:
  lr: {min: 1e-2, max: 1e-1, log: true}
  width: 8
final: {top: 1, seeds: 2}
"""


def rows(num_rows: int = 120, seed: int = 0) -> pd.DataFrame:
    """Return rows in which age decides; every 37th weight is missing."""
    draw = np.random.default_rng(seed)
    age, ward = draw.integers(20, 90, num_rows), draw.choice(["north", "south"], num_rows)
    found = pd.DataFrame({"age": age, "weight": draw.normal(75, 12, num_rows).round(1), "ward": ward})
    found.loc[::37, "weight"] = np.nan
    return found.assign(outcome=np.where(age > 55, "ill", "well"))


def small_champion(path: Path) -> Here:
    """Run the sweep in ``path``; return the folder."""
    folder = Here(path)
    rows().to_csv(path / "patients.csv", index=False)
    folder.write(SPEC)
    done = folder.paceline("run", "sweep.yaml", "-q")
    assert done.returncode == 0, done.stderr
    return folder


def id_of(folder: Here) -> str:
    """Return the ID of the folder's only sweep."""
    [home] = (folder.path / ".paceline").iterdir()
    return home.name


def model_files(folder: Here, name: str = "weights.pt") -> Path:
    """Return a file of the registered model in MLflow's store."""
    [found] = (folder.path / "mlruns").rglob(f"models/*/**/{name}")
    return found
