"""The keys of a spec file, from its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.spec.checks.space.distributions import KEYS
from search_spaces.spec.json_schema import json_schema
from tests.docs.markdown import code, sentence, table
from workloads.registry import catalogue

Schema = Mapping[str, Any]
KINDS = {"boolean": "true or false", "integer": "whole number", "number": "number", "string": "text", "null": ""}


@dataclass(frozen=True)
class Key:
    """One key of the file, ``path`` dotted; ``group`` where it holds keys of its own."""

    path: str
    schema: Schema
    group: bool
    required: bool

    @property
    def level(self) -> int:
        """1 at the top of the file."""
        return self.path.count(".") + 1


def sweep_keys() -> str:
    """A heading a key, with its type, bounds, default and meaning."""
    return "\n\n".join(_section(key) for key in file_keys())


def parameter_keys() -> str:
    """The keys of one searched hyperparameter."""
    known = json_schema(catalogue())["$defs"]["Parameter"]["properties"]
    rows = [[code(name), _type(schema), sentence(schema["description"])] for name, schema in known.items()]
    return table(("key", "takes", "meaning"), rows)


def distributions() -> str:
    """W&B's distributions, and the keys that mean something to each."""
    return table(("distribution", "keys"), [[code(law), ", ".join(map(code, keys))] for law, keys in KEYS.items()])


def file_keys() -> list[Key]:
    """Every key of a spec, groups before what they hold."""
    schema = json_schema(catalogue())
    return list(_keys(schema, schema["$defs"], ""))


def _keys(schema: Schema, definitions: Schema, prefix: str) -> Iterator[Key]:
    for name, inner in schema["properties"].items():
        group = _group(inner, definitions)
        yield Key(prefix + name, inner, group is not None, name in schema.get("required", ()))
        if group is not None:
            yield from _keys(group, definitions, f"{prefix}{name}.")


def _group(schema: Schema, definitions: Schema) -> Schema | None:
    """The record of keys that ``schema`` holds or may hold."""
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            found: Schema = definitions[one["$ref"].rpartition("/")[2]]
            return found if "properties" in found else None
    return None


def _section(key: Key) -> str:
    facts = [_type(key.schema)] if not key.group else _words(key.schema)
    if key.required:
        facts.append("required")
    elif not key.group:
        facts.append(f"default {_default(key.schema.get('default'))}")
    about = sentence(key.schema.get("description", ""))
    line = " · ".join(fact for fact in facts if fact)
    return f"{'#' * (key.level + 1)} {key.path}\n\n{about}" + (f"\n\n{line[:1].upper()}{line[1:]}." if line else "")


def _default(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    return code(json.dumps(value)) if isinstance(value, list) else code(value)


def _words(schema: Schema) -> list[str]:
    """What may stand in place of a group."""
    words = [code(one["const"]) for one in schema.get("anyOf", ()) if "const" in one]
    return [f"a group of keys, or {', '.join(words)}"] if words else []


def _type(schema: Schema) -> str:
    kinds = [one.get("type") for one in schema.get("anyOf", ())]
    if {"integer", "number"} <= set(kinds):
        return "number"
    if {"boolean", "string"} <= set(kinds):
        return "a value"
    options = [_plain(one) for one in schema.get("anyOf", [schema])]
    return " or ".join(dict.fromkeys(option for option in options if option)) or "anything"


def _plain(schema: Schema) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(code, schema["enum"]))
    if "const" in schema:
        return code(schema["const"])
    if "anyOf" in schema:
        return _type(schema)
    if "$ref" in schema:
        return "a group of names"
    if schema.get("pattern"):
        return schema.get("description") or "a duration such as `90s`, `15m`, `1h30m`"
    kind = schema.get("type", "")
    if kind == "array":
        return _list(schema)
    if kind == "object":
        return "a group of names"
    return " ".join(filter(None, (KINDS.get(kind, "a value"), _bounds(schema))))


def _list(schema: Schema) -> str:
    plural = {"number": "a list of numbers", "text": "a list of words", "[least, most]": "[least, most]"}
    if "prefixItems" in schema:
        return "a list of " + str(len(schema["prefixItems"]))
    return plural.get(_type(schema.get("items", {})), "a list of values")


def _bounds(schema: Schema) -> str:
    bounds = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    told = [f"{sign} {schema[name]:,}" for name, sign in bounds.items() if name in schema]
    length = f"at most {schema['maxLength']:,} characters" if "maxLength" in schema else ""
    return ", ".join(filter(None, (*told, length)))
