"""Explains what is registered: workloads, hyperparameters, samplers, schedules, data sets, keys of a spec."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cluster.explain.entry import Entry
from search_spaces.space.hyperparameters import Hyperparameter, hyperparameters
from search_spaces.spec.json_schema import json_schema
from search_spaces.spec.starting.template import default_kind
from search_spaces.types.catalogue import Catalogue, WorkloadInfo
from search_spaces.types.values import unnested
from tracking import names as mlflow_names

Schema = Mapping[str, Any]
FINITE = "\nparameters:\n  width: {values: [32, 64]}\n  depth: {values: [1, 2]}"


def registered(known: Catalogue) -> Iterator[Entry]:
    """Yield an entry for each thing that a spec may name, and for each key of a spec."""
    yield from _hyperparameters(known)
    for row in known.samplers.values():
        example = f"method: {row.name}{FINITE if row.finite_only else ''}"
        names = (row.name, *row.aliases)
        yield Entry(
            word=row.name, kind="sampler", meaning=row.summary, names=names, keys=("method",), example=example
        )
    for one in known.schedules.values():
        keys = [f"early_terminate.{field.name}" for field in dataclasses.fields(one.parameters)]
        yield Entry(
            word=one.name,
            kind="schedule",
            meaning=one.summary,
            names=(one.name, *one.aliases),
            keys=("early_terminate.type", *keys),
            example=f"early_terminate: {{type: {one.name}}}",
        )
    for info in map(known.workload, known.workload_names):
        example = f"paceline workloads {info.name}"
        yield Entry(
            word=info.name,
            kind="workload",
            meaning=info.summary,
            names=(info.name,),
            keys=("workload",),
            example=example,
        )
    for data in known.datasets.values():
        yield Entry(
            word=data.name,
            kind="data set",
            meaning=f"{data.summary} ({data.kind})",
            names=(data.name,),
            keys=("data.name",),
            example=f"paceline data sweep.yaml data.name={data.name}",
        )
    schema = json_schema(known)
    yield from _keys(schema, schema["$defs"], "")


def _hyperparameters(known: Catalogue) -> Iterator[Entry]:
    found: dict[str, list[tuple[WorkloadInfo, Hyperparameter]]] = {}
    for info in map(known.workload, known.workload_names):
        for name, one in hyperparameters(info.hyperparameters).items():
            found.setdefault(name, []).append((info, one))
    for name, uses in found.items():
        yield Entry(
            word=name,
            kind="hyperparameter",
            meaning=_meaning(uses),
            names=(name,),
            keys=(f"parameters.{name}",),
            mlflow=(name, mlflow_names.hp(name)) if uses[0][1].type in (int, float) else (name,),
            example=_example(*uses[0]),
        )


def _meaning(uses: Sequence[tuple[WorkloadInfo, Hyperparameter]]) -> str:
    """Return what a hyperparameter is, in which range and with which default; apart where workloads differ."""
    told: dict[str, list[str]] = {}
    for info, one in uses:
        default = "needed" if one.required else f"default {unnested(one.default)}"
        told.setdefault(f"{one.doc} ({one.range}; {default})", []).append(info.name)
    return "; ".join(f"{text}, of {', '.join(names)}" for text, names in told.items())


def _example(info: WorkloadInfo, one: Hyperparameter) -> str:
    """Return the commands that write a spec of the workload, and search the hyperparameter."""
    if one.required or one.type is object:
        return f"paceline workloads {info.name}"
    value: Any = info.space.get(one.name)
    if value is None:
        several = [value for value in _several(one) if one.fault(value) is None]
        value = {"values": several} if len(several) > 1 else one.default
    if value is None:
        return f"paceline workloads {info.name}"
    return f"{_init(info, one)}\npaceline run sweep.yaml 'parameters.{one.name}={_flow(value)}'"


def _init(info: WorkloadInfo, one: Hyperparameter) -> str:
    """Return the command that writes a spec of the workload, on data on which the hyperparameter has an effect."""
    usual = default_kind(info)
    if one.has_effect(usual, info.problems[usual][0]):
        return f"paceline init {info.name}"
    kinds = [kind for kind, problems in info.problems.items() if one.has_effect(kind, problems[0])]
    return f"paceline init {info.name} --data {kinds[0]}" if kinds else f"paceline init {info.name}"


def _several(one: Hyperparameter) -> Sequence[Any]:
    """Return values worth trying where no default space has any; some may be outside of its range."""
    if one.choices is not None or one.type is bool:
        return [value for value in one.choices or (False, True) if value not in one.on_gpu]
    if isinstance(one.default, int | float) and one.default > 0:
        return (one.default, 2 * one.default)
    return ()


def _flow(value: Any) -> str:
    """Return a value as YAML in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def _keys(schema: Schema, definitions: Schema, prefix: str) -> Iterator[Entry]:
    for name, inner in schema["properties"].items():
        path = f"{prefix}{name}"
        if "description" in inner:
            yield Entry(
                word=path,
                kind="key of a sweep file",
                meaning=inner["description"],
                names=(path, name),
                keys=(path,),
                example="paceline init mlp",
            )
        for one in (inner, *inner.get("anyOf", ())):
            group = definitions[one["$ref"].rpartition("/")[2]] if "$ref" in one else {}
            if "properties" in group:
                yield from _keys(group, definitions, f"{path}.")
                break
