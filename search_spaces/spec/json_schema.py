"""The JSON Schema of a spec file, for editors and for ``paceline schema``."""

from __future__ import annotations

from typing import Any

from search_spaces.spec.checks.distributions import ParameterFile
from search_spaces.spec.overrides import OTHER_NAMES
from search_spaces.spec.schema import SpecFile
from search_spaces.types.catalogue import Catalogue

_SCALAR = {"type": ["boolean", "integer", "number", "string"]}


def json_schema(catalogue: Catalogue) -> dict[str, Any]:
    """A JSON Schema (2020-12) of the file: every key, its type and bounds, and the names of ``catalogue``."""
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
    definitions["Data"]["properties"]["name"] = {
        "enum": list(catalogue.datasets),
        "description": "A registered set.",
    }
    _accept_words(properties)
    for other, key in OTHER_NAMES.items():
        properties[other] = {**properties[key], "description": f"Another name of {key}."}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Paceline sweep"}


def _accept_words(properties: dict[str, Any]) -> None:
    """What the readers of single keys take beside their type."""
    words = {"early_terminate": "none", "final": "none", "max_concurrent": "auto", "train_together": "auto"}
    for key, word in words.items():
        kinds = [kind for kind in properties[key]["anyOf"] if kind != {"type": "null"}]
        properties[key]["anyOf"] = [*kinds, {"const": word}]
    properties["timeout"]["anyOf"].append({"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+(\.\d+)?s)?$"})
