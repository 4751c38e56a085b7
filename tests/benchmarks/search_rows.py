"""Rows of JSON that benchmarks of searches keep in a file, so that a run goes on where another one ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Job = dict[str, Any]
"""Keys of a search and their values; its row has them as well."""


def measured(jobs: Iterable[Job], search: Callable[[Job], Row], file: Path | None, num_processes: int) -> list[Row]:
    """Return the rows of ``file``, and those of the ``jobs`` that it lacks, each added as it comes."""
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file and file.exists() else []
    left = [job for job in jobs if not any(job.items() <= row.items() for row in map(_hashable, rows))]
    with ProcessPoolExecutor(num_processes) as pool:
        for row in pool.map(search, left):
            rows.append(row)
            if file:
                with file.open("a") as out:
                    print(json.dumps(row), file=out)
    return rows


def _hashable(row: Row) -> Row:
    return {key: value for key, value in row.items() if not isinstance(value, list)}
