"""Objects against the schemas of those who serve them: Kubernetes' own, and KubeRay's with its CEL rules."""

from __future__ import annotations

import copy
import lzma
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import celpy
import jsonschema
import kubernetes_validate
import yaml

from tests.helpers.paths import ROOT
from tests.k8s.render import Manifest, title

KUBERNETES = "1.34"
CRDS = ROOT / "tests" / "data" / "kuberay"
UNCHECKED = ("kueue.x-k8s.io/v1beta2",)
"""Whose schemas are not at hand."""


def schema_faults(manifest: Manifest) -> list[str]:
    """What the API server would refuse."""
    if manifest["apiVersion"] == "ray.io/v1":
        return [f"{title(manifest)}: {fault}" for fault in _custom_faults(manifest)]
    if manifest["apiVersion"] in UNCHECKED:
        return []
    try:
        kubernetes_validate.validate(copy.deepcopy(manifest), KUBERNETES, strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        return [f"{title(manifest)}: {getattr(error, 'message', error)}"]
    return []


def _custom_faults(manifest: Manifest) -> Iterator[str]:
    schema = custom_schema(manifest["kind"])
    for error in jsonschema.Draft202012Validator(schema).iter_errors(manifest):
        yield f"{error.json_path}: {error.message[:200]}"
    yield from cel_faults(schema, manifest, "$")


@lru_cache(maxsize=4)
def custom_schema(kind: str) -> Manifest:
    """The CRD's schema with closed objects, so that a key it does not know is a fault and not silently dropped."""
    text = lzma.decompress((CRDS / f"ray.io_{kind.lower()}s.yaml.xz").read_bytes())
    crd = yaml.load(text, Loader=yaml.CSafeLoader)
    (version,) = [v for v in crd["spec"]["versions"] if v["name"] == "v1"]
    schema: Manifest = version["schema"]["openAPIV3Schema"]
    _close(schema)
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def _close(schema: Any) -> None:
    if isinstance(schema, list):
        for each in schema:
            _close(each)
    elif isinstance(schema, dict):
        if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
        for each in schema.values():
            _close(each)


def cel_faults(schema: Manifest, value: Any, path: str) -> Iterator[str]:
    """The CEL rules of a schema that ``value`` breaks. Rules about changes (oldSelf) do not concern it."""
    for rule in schema.get("x-kubernetes-validations", []):
        if "oldSelf" not in rule["rule"] and not _holds(rule["rule"], value):
            yield f"{path}: {rule.get('message', rule['rule'])}"
    if isinstance(value, dict):
        for key, each in value.items():
            inner = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
            if isinstance(inner, dict):
                yield from cel_faults(inner, each, f"{path}.{key}")
    elif isinstance(value, list) and "items" in schema:
        for n, each in enumerate(value):
            yield from cel_faults(schema["items"], each, f"{path}[{n}]")


def _holds(rule: str, value: Any) -> bool:
    environment = celpy.Environment()
    program = environment.program(environment.compile(rule))
    return bool(program.evaluate({"self": celpy.json_to_cel(value)}))
