"""Parses the text after `--on` into a target."""

from __future__ import annotations

import importlib
import re

from cluster.targets.contract import LOCAL, Target
from cluster.targets.local import LocalTarget

FORMS = "local, http://HEAD:8265, https://HEAD, ray://HEAD:10001 or k8s:CONTEXT/NAMESPACE"


def parse_target(text: str) -> Target:
    """Return the target that ``text`` names. Raises ValueError with the valid forms."""
    if text in ("", LOCAL):
        return LocalTarget()
    if text.startswith("k8s:"):
        return _kubernetes(text)
    if re.fullmatch(r"(https?|ray)://[^\s/@]+(/[^\s@]*)?", text):
        from cluster.targets.ray_jobs.target import JobsTarget  # 60 ms

        return JobsTarget(text.rstrip("/"))
    rule = "must not hold a password or token: set RAY_AUTH_TOKEN" if "@" in text else f"must be {FORMS}"
    raise ValueError(f"--on {_without_password(text)}: {rule}")


def _kubernetes(text: str) -> Target:
    context, _, namespace = text.removeprefix("k8s:").rpartition("/")
    if not namespace:
        raise ValueError(f"--on {text}: must be k8s:CONTEXT/NAMESPACE (k8s:/NAMESPACE for the current context)")
    try:
        module = importlib.import_module("cluster.targets.kubernetes.target")
    except ImportError as error:
        raise ValueError(f"--on {text}: {error}; pip install 'paceline[k8s]'") from error
    target: Target = module.KubernetesTarget(context, namespace)
    return target


def _without_password(text: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", text)
