"""Makes small texts and series for the tests of readers and of the recurrent workload."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from search_spaces.spec.data import Data
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared
from workloads.registry import workload
from workloads.training.setup import Setup

CPU = torch.device("cpu")
RHYME = "The north wind doth blow, and we shall have snow.\n"


def text(folder: Path, content: str = RHYME * 12, **how: Any) -> Prepared:
    """Return a text that repeats itself, prepared in windows of 8 characters."""
    (folder / "some.txt").write_text(content, encoding=how.get("encoding", "utf-8"))
    return prepare(Data(**{"text": str(folder / "some.txt"), "window": 8, **how}))


def monthly(num_rows: int = 120, first_year: int = 1950) -> list[str]:
    """Return the CSV lines of a monthly series with a yearly wave and a slower one."""
    lines = ["month,sales,note"]
    for i in range(num_rows):
        value = 50 + 20 * math.sin(2 * math.pi * i / 12) + 10 * math.sin(i / 7)
        lines.append(f"{first_year + i // 12}-{i % 12 + 1:02d},{value:.3f},x")
    return lines


def series(folder: Path, lines: list[str] | None = None, **how: Any) -> Prepared:
    """Return a monthly series, prepared in windows of 12 with 2 values to forecast."""
    (folder / "some.csv").write_text("\n".join(lines or monthly()) + "\n")
    given = {"series": str(folder / "some.csv"), "value": "sales", "time": "month", "window": 12, "horizon": 2}
    return prepare(Data(**{**given, **how}))


def sequence_setup(prepared: Prepared, dtype: torch.dtype = torch.float64) -> Setup:
    """Return the recurrent workload with its default hyperparameters on such data."""
    kind = workload("recurrent")
    return Setup(kind, kind.data(kind.hyperparameters(), prepared.search, CPU, dtype))
