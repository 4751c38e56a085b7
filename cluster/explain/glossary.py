"""The glossary: words and measured metrics with their meanings, from ``words.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from cluster.explain.entry import Entry, Kind
from search_spaces.types.catalogue import Catalogue
from search_spaces.types.problems import COSTS, metrics_of

SECTIONS: Mapping[str, Kind] = {"word": "word", "inner": "word of the code"}


@cache
def tables() -> Mapping[str, list[dict[str, Any]]]:
    """Return the records of ``words.toml``: ``word``, ``inner`` and ``metric``."""
    found: Mapping[str, list[dict[str, Any]]] = tomllib.loads(
        files("cluster.explain").joinpath("words.toml").read_text(encoding="utf-8")
    )
    return found


def words() -> Iterator[Entry]:
    """Yield the words that people meet, then those of the code."""
    for section, kind in SECTIONS.items():
        for one in tables()[section]:
            yield Entry(
                word=_title(one["word"]),
                kind=kind,
                meaning=one["meaning"],
                names=_names(one["word"]),
                keys=one.get("keys", ()),
                json=one.get("json", ()),
                mlflow=one.get("mlflow", ()),
                example=one["try"],
            )


def _title(heading: str) -> str:
    return re.sub(r" \(.*?\)", "", heading).replace("*", "")


def _names(heading: str) -> list[str]:
    """Return the names in a heading such as ``waiting (old word: *paused*)`` or ``run, job``."""
    olds = re.findall(r"\*(.+?)\*", heading)
    return [*re.split(r", ", _title(heading)), _title(heading), *olds]


def metrics(known: Catalogue) -> Iterator[Entry]:
    """Yield every metric that is measured by itself, with its goal where a sweep may optimise it.

    One of the validation split is found by its name on the test split, too: ``test_accuracy``.
    """
    for one in tables()["metric"]:
        for name in one["names"]:
            goal = next((goals[name] for goals in _goals(known) if name in goals), None)
            told = f"{one['meaning']} ({one['on']})" + (f"; {goal} it" if goal else "")
            mlflow = [name, *([f"best_{name}"] if goal else [])]
            names = [name, *([f"test_{name.removeprefix('val_')}"] if goal and name.startswith("val_") else [])]
            yield Entry(
                word=name, kind="metric", meaning=told, names=names, mlflow=mlflow, example=_example(name, known)
            )


def _goals(known: Catalogue) -> Iterator[Mapping[str, Any]]:
    for name in known.workload_names:
        yield known.workload(name).metrics(None)


def _example(metric: str, known: Catalogue) -> str:
    """Return a sweep that optimises a metric on data that is here; where there is none, a command that shows it."""
    if metric in COSTS:
        return f"metrics:\n  - {{name: val_accuracy}}\n  - {{name: {metric}}}"
    for one in map(known.workload, known.workload_names):
        for data in known.datasets.values():
            if data.downloaded or data.kind not in one.problems:
                continue
            problem = data.problem or one.problems[data.kind][0]
            if metric in metrics_of([problem]) and problem in one.problems[data.kind]:
                return f"workload: {one.name}\ndata: {{name: {data.name}}}\nmetric: {{name: {metric}}}"
    able = [name for name in known.workload_names if metric in known.workload(name).metrics(None)]
    return f"paceline workloads {able[0]}" if able else "paceline show last t000"
