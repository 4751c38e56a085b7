"""Writes a table of made-up learning curves, for simulations."""

from __future__ import annotations

import csv
from pathlib import Path
from random import Random

from search_spaces.schedules.mutation import drawn
from search_spaces.space.space import Space


def write_curves(
    path: Path, space: Space, epochs: int, metric: str = "value", num: int = 20, cost: str | None = None
) -> Path:
    """Write ``num`` random configurations of the space; the higher the first random number, the better they are.

    And the larger is their ``cost``, a column of that name.
    """
    random = Random(0)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*space.domains, "epoch", metric, "seconds", *([cost] if cost else [])])
        for _ in range(num):
            height, params = (
                random.random(),
                {name: drawn(domain, random) for name, domain in space.domains.items()},
            )
            for epoch in range(1, epochs + 1):
                value = round(height * (1 - 0.8**epoch), 6)
                table.writerow([*params.values(), epoch, value, round(1 + height, 3), *([height] if cost else [])])
    return path
