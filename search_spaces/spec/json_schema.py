"""Builds the JSON Schema of a spec file, for editors and for ``paceline schema``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search_spaces.spec.checks.data import MOST_TEXTS
from search_spaces.spec.checks.early_terminate import rule_model
from search_spaces.spec.checks.space.distributions import ParameterFile
from search_spaces.spec.data import TABLES
from search_spaces.spec.keys.command import Found
from search_spaces.spec.overrides import OTHER_NAMES
from search_spaces.spec.schema import MOST_RETESTED, SpecFile
from search_spaces.types.catalogue import NO_SCHEDULE, Catalogue, ScheduleInfo

_SCALAR = {"type": ["boolean", "integer", "number", "string"]}


def json_schema(catalogue: Catalogue) -> dict[str, Any]:
    """Return the JSON Schema (2020-12): every key with its type and bounds, and the names of ``catalogue``."""
    schema = SpecFile.model_json_schema(mode="validation")
    properties, definitions = schema["properties"], schema["$defs"]
    parameter = ParameterFile.model_json_schema()
    definitions.update(parameter.pop("$defs", {}))
    definitions["Parameter"] = {**parameter, "minProperties": 1}
    definitions["Parameters"] = {
        "type": "object",
        "description": "Hyperparameters by name: a range, choices, or one value. Groups are headings.",
        "propertyNames": {"not": {"enum": list(ParameterFile.model_fields)}},
        "additionalProperties": {"anyOf": [_SCALAR, {"$ref": "#/$defs/Parameter"}, {"$ref": "#/$defs/Parameters"}]},
    }
    properties["parameters"] = {"$ref": "#/$defs/Parameters"}
    properties["workload"]["anyOf"] = [
        {"enum": list(catalogue.workload_names)},
        {"pattern": r"^[\w.]+:\w+$", "description": "package.module:NAME"},
    ]
    schema["required"].remove("data")
    needing = [name for name in catalogue.workload_names if not catalogue.workload(name).own_data]
    named = {"required": ["workload"], "properties": {"workload": {"enum": needing}}}
    schema |= {"if": named, "then": {"required": ["data"]}}  # users' code may bring its own
    _name_searches(schema, catalogue)
    definitions["Data"]["properties"]["name"] = {
        "enum": list(catalogue.datasets),
        "description": "A registered data set.",
    }
    _accept_words(properties)
    listed = {name: properties["warm_start"].pop(name) for name in ("type", "items", "maxItems")}
    properties["warm_start"]["anyOf"] = [listed, {"type": "string"}]
    _accept_lists(definitions["Data"]["properties"])
    definitions["Found"] = Found.model_json_schema()
    several = {name: properties["metrics"].pop(name) for name in ("type", "items", "maxItems")}
    properties["metrics"]["anyOf"] = [several, {"$ref": "#/$defs/Found"}]
    schema["required"].remove("workload")
    schema["anyOf"] = [{"required": [name]} for name in ("workload", "program", "command")]
    for other, key in OTHER_NAMES.items():
        properties[other] = {**properties[key], "description": f"Another name of {key}."}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Paceline sweep"}


def _accept_lists(properties: dict[str, Any]) -> None:
    """Add the lists of several files that keys of tables accept besides one, and of two columns, in place."""
    for key in (*TABLES, "text"):
        several: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        properties[key]["anyOf"].append({**several, "maxItems": MOST_TEXTS} if key == "text" else several)


def _name_searches(schema: dict[str, Any], catalogue: Catalogue) -> None:
    """Add the names and summaries of samplers and schedules, in place."""
    properties = schema["properties"]
    methods = {" or ".join((row.name, *row.aliases)): row.summary for row in catalogue.samplers.values()}
    properties["method"] |= {"enum": list(catalogue.methods), "description": _told("What to try next", methods)}
    rules = {row.name: row.summary for row in catalogue.schedules.values()}
    schema["$defs"]["EarlyTerminate"] = _early_terminate(catalogue.schedules)
    properties["early_terminate"] = {
        "anyOf": [{"$ref": "#/$defs/EarlyTerminate"}, {"const": NO_SCHEDULE}],
        "description": _told("When to stop a trial early", rules),
    }


def _told(what: str, summaries: Mapping[str, str]) -> str:
    return f"{what}: " + ", ".join(f"{name} ({summary})" for name, summary in summaries.items()) + "."


def _early_terminate(schedules: Mapping[str, ScheduleInfo]) -> dict[str, Any]:
    """Return a schema with the keys of all schedules. Only the loader checks which key belongs to which."""
    keys: dict[str, dict[str, Any]] = {}
    for row in schedules.values():
        for name, schema in rule_model(row, schedules).model_json_schema()["properties"].items():
            known = keys.setdefault(name, schema)
            keys[name] = known if known == schema else {"anyOf": [known, schema]}
    return {"type": "object", "title": "Early terminate", "additionalProperties": False, "properties": keys}


def _accept_words(properties: dict[str, Any]) -> None:
    """Add the words and durations that some keys accept besides their type, in place."""
    words = {"final": "none", "repeats": "none", "max_concurrent": "auto", "train_together": "auto"}
    for key, word in words.items():
        kinds = [kind for kind in properties[key]["anyOf"] if kind != {"type": "null"}]
        properties[key]["anyOf"] = [*kinds, {"const": word}]
    share = {"type": "number", "minimum": 0, "maximum": MOST_RETESTED}
    properties["retest"]["anyOf"] = [share, {"const": "auto"}, {"const": "none"}]
    bounds = {key: properties["grace"].pop(key) for key in ("type", "exclusiveMinimum", "maximum")}
    properties["grace"]["anyOf"] = [bounds]
    for key in ("timeout", "grace", "trial_timeout"):
        properties[key]["anyOf"].append({"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+(\.\d+)?s)?$"})
