"""Each kind of fault, put into a copy of the manifests, is found by its check."""

from __future__ import annotations

import copy

import pytest

from tests.k8s.faults import BROKEN_GRAPH, BROKEN_NETWORK, BROKEN_SCHEMA, BROKEN_SECURITY
from tests.k8s.graph import graph_faults
from tests.k8s.network import open_pairs
from tests.k8s.render import K8S, Manifest, kustomize, secrets, title
from tests.k8s.schemas import schema_faults
from tests.k8s.security import security_faults


@pytest.fixture(scope="module")
def sound() -> list[Manifest]:
    return kustomize(K8S / "overlays" / "gpu") + secrets()


@pytest.mark.parametrize("kind", BROKEN_SCHEMA)
def test_the_schemas_find(kind: str, sound: list[Manifest]) -> None:
    change, expected = BROKEN_SCHEMA[kind]
    broken = copy.deepcopy(sound)
    change(broken)
    changed = [new for new, old in zip(broken, sound, strict=True) if new != old]
    assert expected in "\n".join(fault for manifest in changed for fault in schema_faults(manifest))


@pytest.mark.parametrize("kind", BROKEN_GRAPH)
def test_the_graph_finds(kind: str, sound: list[Manifest]) -> None:
    change, expected = BROKEN_GRAPH[kind]
    broken = copy.deepcopy(sound)
    change(broken)
    assert expected in "\n".join(graph_faults(broken))


@pytest.mark.parametrize("kind", BROKEN_SECURITY)
def test_the_pod_standard_finds(kind: str, sound: list[Manifest]) -> None:
    change, expected = BROKEN_SECURITY[kind]
    broken = copy.deepcopy(sound)
    change(broken)
    assert expected in "\n".join(security_faults(broken))


@pytest.mark.parametrize("kind", BROKEN_NETWORK)
def test_the_network_walk_finds(kind: str, sound: list[Manifest]) -> None:
    change, opened, closed = BROKEN_NETWORK[kind]
    broken, right = copy.deepcopy(sound), open_pairs(sound)
    change(broken)
    assert open_pairs(broken) == (right | opened) - closed


def test_without_the_default_everything_is_open(sound: list[Manifest]) -> None:
    broken = [o for o in sound if title(o) != "NetworkPolicy/default-deny"]
    assert ("stranger", "postgres", 5432) not in open_pairs(broken)  # its own policy still closes it
    assert ("postgres", "internet", "*") in open_pairs(broken)
