"""Which pod may open a connection to which, worked out from the NetworkPolicies as Kubernetes defines them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from tests.k8s.render import COMPONENT, Manifest, pods, wear

HOME = "paceline"
ANY_PORT = 31999
"""Stands for every port that nothing declares."""


@dataclass(frozen=True)
class Peer:
    """One end of a connection: a pod by its labels and namespace, or an address outside."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    namespace: str = HOME
    address: str | None = None
    ports: tuple[int, ...] = ()


OUTSIDE = (
    Peer("operator", {COMPONENT: "kuberay-operator"}, "kuberay"),
    Peer("impostor", {COMPONENT: "kuberay-operator"}, "elsewhere"),
    Peer("ingress", {COMPONENT: "controller"}, "ingress-nginx"),
    Peer("stranger", {"app": "stranger"}, HOME),
    Peer("neighbour", {COMPONENT: "ray-worker"}, "elsewhere"),
    Peer("dns", {"k8s-app": "kube-dns"}, "kube-system", ports=(53,)),
    Peer("kubernetes", address="203.0.113.9", ports=(6443,)),
    Peer("internet", address="198.51.100.7", ports=(80,)),
)


def open_pairs(objects: list[Manifest]) -> set[tuple[str, str, int | str]]:
    """(from, to, port) of every connection that is let through; port "*" where all are."""
    policies = [o for o in objects if o["kind"] == "NetworkPolicy"]
    peers = [*_inside(objects), *OUTSIDE]
    pairs: set[tuple[str, str, int | str]] = set()
    for source in peers:
        for target in peers:
            if source.namespace == HOME or target.namespace == HOME:
                if _may(policies, source, target, ANY_PORT):
                    pairs.add((source.name, target.name, "*"))
                else:
                    open_ports = [p for p in target.ports if _may(policies, source, target, p)]
                    pairs |= {(source.name, target.name, p) for p in open_ports}
    return {pair for pair in pairs if {pair[0], pair[1]} - {peer.name for peer in OUTSIDE}}


def _inside(objects: list[Manifest]) -> list[Peer]:
    """One peer for each component; pods of one component must have the same labels where policies look."""
    found: dict[str, Peer] = {}
    for pod in pods(objects):
        component = pod.labels[COMPONENT]
        ports = {p["containerPort"] for c in pod.containers for p in c.get("ports", [])}
        known = found.get(component, Peer(component)).ports
        found[component] = Peer(component, pod.labels, ports=tuple(sorted({*ports, *known})))
    return list(found.values())


def _may(policies: list[Manifest], source: Peer, target: Peer, port: int) -> bool:
    return _passes(policies, source, target, port, "Egress") and _passes(policies, target, source, port, "Ingress")


def _passes(policies: list[Manifest], own: Peer, other: Peer, port: int, direction: str) -> bool:
    """Whether the policies of ``own``'s namespace let a connection in this direction through."""
    if own.namespace != HOME or own.address is not None:
        return True
    concerned = [
        policy["spec"]
        for policy in policies
        if direction in policy["spec"]["policyTypes"] and wear(own.labels, policy["spec"]["podSelector"])
    ]
    if not concerned:
        return True
    ends, key = ("to", "egress") if direction == "Egress" else ("from", "ingress"), direction.lower()
    return any(
        _is_peer(rule.get(ends[0]), other) and _is_port(rule.get("ports"), port)
        for spec in concerned
        for rule in spec.get(key, [])
    )


def _is_port(ports: list[Manifest] | None, port: int) -> bool:
    return not ports or any(p["port"] == port for p in ports)


def _is_peer(peers: list[Manifest] | None, other: Peer) -> bool:
    return not peers or any(_matches(peer, other) for peer in peers)


def _matches(peer: Manifest, other: Peer) -> bool:
    if "ipBlock" in peer:
        # Pods have addresses too; which, nobody knows, so that a block of all is not taken to mean them.
        return other.address is not None and ipaddress.ip_address(other.address) in ipaddress.ip_network(
            peer["ipBlock"]["cidr"]
        )
    if other.address is not None:
        return False
    namespace = {"kubernetes.io/metadata.name": other.namespace}
    if "namespaceSelector" in peer:
        in_reach = wear(namespace, peer["namespaceSelector"])
    else:
        in_reach = other.namespace == HOME
    return in_reach and wear(other.labels, peer.get("podSelector", {}))
