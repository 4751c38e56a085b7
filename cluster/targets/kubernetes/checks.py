"""Checks of `paceline doctor --on k8s:...`: rights, template and stores of a namespace."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Final

from cluster.doctor.machine import Check, judged
from cluster.targets.kubernetes.api import Api, KubernetesError, connect
from cluster.targets.kubernetes.rayjob import TEMPLATE
from cluster.targets.kubernetes.rayjob_rules import group_size, template_faults

if TYPE_CHECKING:
    from cluster.targets.kubernetes.rayjob import Manifest
    from cluster.targets.submission import Code

NEEDED: Final = (
    ("ray.io", "rayjobs", ("create", "get", "list", "delete")),
    ("", "configmaps", ("create",)),
    ("", "pods", ("list", "delete")),
    ("", "pods/log", ("get",)),
    ("", "pods/exec", ("create",)),
)
"""Rights that a submission needs, as (API group, resource, verbs): those of the role paceline-submitter."""
STORES: Final = ("mlflow", "postgres", "s3")
_COMPONENT: Final = "app.kubernetes.io/component"


def examine_namespace(context: str, namespace: str, code: Code) -> Iterator[Check]:
    """Yield the checks as they are made; they end where a later one would need what is missing."""
    try:
        api = connect(context, namespace)
        version = api.version()
    except KubernetesError as error:
        yield Check(name="cluster", state="wrong", found=str(error), remedy="see `kubectl config get-contexts`")
        return
    yield Check(name="cluster", state="ok", found=f"{api.place} answers, Kubernetes {version}")
    yield _rights(api)
    remedy = "submit without --code ship, to a cluster whose image holds Paceline"
    yield judged(
        "code",
        code == "image",
        "sits in the image" if code == "image" else "would be shipped with the sweep",
        remedy,
    )
    try:
        template = api.rayjob(TEMPLATE)
    except KubernetesError as error:
        yield Check(name="template", state="wrong", found=str(error), remedy="kubectl apply -k k8s/overlays/...")
        return
    yield from _template(template)
    yield _stores(api)


def _rights(api: Api) -> Check:
    missing = [
        f"{verb} {resource}"
        for group, resource, verbs in NEEDED
        for verb in verbs
        if not api.may(group, resource, verb)
    ]
    remedy = f"ask for the role paceline-submitter of namespace {api.namespace} (k8s/README.md)"
    return judged(
        "rights", not missing, f"you may not {', '.join(missing)}" if missing else "you may submit", remedy
    )


def _template(template: Manifest) -> Iterator[Check]:
    """Check the template: the operator's rules, the versions of Ray and Paceline, and the size of its workers."""
    faults = [str(fault) for fault in template_faults(template, TEMPLATE)]
    remedy = "correct it in your overlay, and apply it again"
    yield judged("template", not faults, "; ".join(faults) or f"{TEMPLATE} is there", remedy)
    cluster = template["spec"]["rayClusterSpec"]
    there, here = cluster.get("rayVersion", "unknown"), metadata.version("ray")
    remedy = "use an image of the same release of Ray, or install it here"
    yield judged("ray", there == here, f"{there} there, {here} here", remedy, "warning")
    image, own = (
        cluster["headGroupSpec"]["template"]["spec"]["containers"][0]["image"],
        metadata.version("paceline"),
    )
    remedy = f"a job refuses to begin in an image of another Paceline than {own}"
    yield judged("image", own in image, image, remedy, "warning")
    sizes = [group_size(group) for group in cluster.get("workerGroupSpecs") or []]
    told = ", ".join(f"{count} x ({cpus:g} CPUs, {gpus:g} GPUs)" for count, cpus, gpus in sizes)
    yield judged("workers", bool(sizes), f"at most {told or 'none'}", "give the template a worker group")


def _stores(api: Api) -> Check:
    """Check that the pods of the stores are ready. A missing pod is a warning: stores may be elsewhere."""
    ready = dict.fromkeys(STORES, "has no pod here")
    for pod in api.pods(f"{_COMPONENT} in ({','.join(STORES)})"):
        conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions") or []}
        ready[pod["metadata"]["labels"][_COMPONENT]] = (
            "ready" if conditions.get("Ready") == "True" else "is not ready"
        )
    found = ", ".join(f"{store} {state}" for store, state in ready.items())
    remedy = "`kubectl get pods` shows more; stores elsewhere must be let through by the network policies"
    state = "wrong" if "is not ready" in ready.values() else "warning"
    return judged("stores", set(ready.values()) == {"ready"}, found, remedy, state)  # type: ignore[arg-type]
