"""Workloads, their hyperparameters and metrics, and the data sets, from the registry."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from ruamel.yaml import YAML

from search_spaces.space.hyperparameters import Hyperparameter, hyperparameters
from search_spaces.types.problems import ALIASES, METRICS, DataKind
from tests.docs.markdown import code, prose, sentence, table
from workloads.hyperparameters import Nonlinearity, Training
from workloads.registry import DATASETS, WORKLOADS, workload
from workloads.tables.hyperparameters import TableFeatures

SHARED = (Training, Nonlinearity, TableFeatures)
"""What several workloads have, told once."""


def workloads() -> str:
    """One row a workload: the data it takes and what it solves on it."""
    rows = []
    for name in WORKLOADS:
        found = workload(name)
        solves = "; ".join(f"{kind}: {', '.join(problems)}" for kind, problems in found.problems.items())
        rows.append([f"[`{name}`](#{name})", sentence(found.summary), solves])
    return table(("workload", "what it is", "solves"), rows)


def shared_hyperparameters(cls: type) -> str:
    """The table of a class that several workloads have, and which ones."""
    names = [name for name in WORKLOADS if issubclass(workload(name).hyperparameters, cls)]
    intro = "Workloads: " + ", ".join(f"[`{name}`](#{name})" for name in names) + "."
    return f"{intro}\n\n{_table(hyperparameters(cls).values())}"


def own_hyperparameters(name: str) -> str:
    """A workload's own hyperparameters, what it sets differently, its default space."""
    found = workload(name)
    known, bases = (
        hyperparameters(found.hyperparameters),
        [c for c in SHARED if issubclass(found.hyperparameters, c)],
    )
    shared = {key: hp for base in bases for key, hp in hyperparameters(base).items()}
    own = [hp for key, hp in known.items() if key not in shared]
    changed = [hp for key, hp in known.items() if key in shared and _changes(hp, shared[key])]
    parts = [sentence(found.summary)]
    if bases:
        parts.append("Also has " + ", ".join(f"[{_title(base)}](#{_slug(base)})" for base in bases) + ".")
    if own:
        parts.append(_table(own))
    if changed:
        parts += ["What it sets differently:", _table(changed)]
    return "\n\n".join([*parts, "Searched unless the file has `parameters`:", _space(found.space)])


def _changes(mine: Hyperparameter, shared: Hyperparameter) -> bool:
    return (mine.default, mine.choices, mine.low, mine.high) != (
        shared.default,
        shared.choices,
        shared.low,
        shared.high,
    )


def _title(base: type) -> str:
    return {Training: "every training's", Nonlinearity: "the activations'", TableFeatures: "the tables'"}[base]


def _slug(base: type) -> str:
    return {Training: "every-training", Nonlinearity: "activations", TableFeatures: "tables"}[base]


def _space(space: Mapping[str, Any]) -> str:
    yaml, stream = YAML(), io.StringIO()
    yaml.default_flow_style = None
    yaml.width = 110
    yaml.dump({"parameters": dict(space)}, stream)
    return f"```yaml\n{stream.getvalue().rstrip()}\n```"


def _table(known: Any) -> str:
    rows = [[code(hp.name), _values(hp), code(hp.default), prose(hp.doc), _role(hp)] for hp in known]
    return table(("name", "values", "default", "meaning", ""), rows)


def _values(hp: Hyperparameter) -> str:
    if hp.choices is not None:
        return ", ".join(map(code, hp.choices))
    if hp.type is bool:
        return "`true`, `false`"
    left = "" if hp.low is None else f"{'>' if hp.low_open else '>='} {hp.low:g}"
    right = "" if hp.high is None else f"{'<' if hp.high_open else '<='} {hp.high:g}"
    kind = "whole" if hp.type is int else ""
    return ", ".join(filter(None, (kind, left, right))) or "text"


def _role(hp: Hyperparameter) -> str:
    """Letters that the page explains."""
    return " ".join(_roles(hp))


def _roles(hp: Hyperparameter) -> Iterator[str]:
    if hp.prepares:
        yield "data"
    elif hp.shapes:
        yield "shape"
    if hp.problems == ("classification",):
        yield "classes"
    elif hp.problems == ("regression",):
        yield "numbers"


def datasets() -> str:
    """The registered data sets."""
    rows = [
        [code(one.name), one.kind, sentence(one.summary), "downloaded" if one.downloaded else "built in"]
        for one in DATASETS.values()
    ]
    return table(("name", "kind", "what it is", "files"), rows)


def objectives() -> str:
    """What a sweep may optimise, by problem."""
    sections = []
    for problem, known in METRICS.items():
        takers = [
            f"`{name}` on {kind}"
            for name in WORKLOADS
            for kind in get_args(DataKind)
            if problem in workload(name).problems.get(kind, ())
        ]
        rows = [
            [code(metric), goal, "default" if place == 0 else ""]
            for place, (metric, goal) in enumerate(known.items())
        ]
        sections.append(f"### {problem}\n\n{prose(', '.join(takers))}.\n\n{table(('metric', 'goal', ''), rows)}")
    aliases = ", ".join(f"`{other}` is read as `{name}`" for other, name in ALIASES.items())
    return "\n\n".join([*sections, f"Other names: {aliases}."])
