"""Distributions that Paceline's own processes import: what is installed for users' code may not replace them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

PACELINE: Final = "paceline"
ROOTS: Final = (
    "ray[default,tune,train]", "torch", "torchvision", "mlflow", "optuna", "cmaes", "scipy", "threadpoolctl",
    "pandas", "tzdata", "click", "pydantic", "pyyaml", "rich", "psutil", "scikit-learn", "skops", "pyarrow",
    "numpy", "plotly", "fsspec", "cloudpickle", "packaging", "psycopg", "s3fs", "kubernetes",
)  # fmt: skip
"""Paceline's requirements: on a cluster its own distribution need not be installed, nor the last three."""


@cache
def installed() -> dict[str, str]:
    """Return the versions of Paceline's requirements and of theirs, those that are installed, by canonical name."""
    found: dict[str, str] = {}
    left = [Requirement(text) for text in ROOTS]
    seen: set[tuple[str, frozenset[str]]] = set()
    while left:
        wanted = left.pop()
        key = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if key in seen or (there := _distribution(wanted.name)) is None:
            continue
        seen.add(key)
        found[key[0]] = there.version
        left += _needed(there, wanted.extras)
    return found


def _distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _needed(of: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for text in of.requires or ():
        try:
            found = Requirement(text)
        except InvalidRequirement:  # of a package that is older than the rules
            continue
        if found.marker is None or any(found.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield found
