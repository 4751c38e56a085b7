"""Installs the packages of a sweep's ``pip`` on each machine, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from cluster.doctor.surroundings import Unfit
from cluster.lanes.joined_cluster import Joined, on_every_node
from search_spaces.types.module_path import NotInstalled, Packages

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep

PATIENCE_S: Final = 3600.0
"""Seconds that the nodes of a cluster have to install."""


def install_packages(sweep: Sweep, joined: Joined | None, say: Callable[[str], None]) -> None:
    """Make the virtual environment of the sweep's packages here, or on each node of the cluster that was joined.

    A node that comes later makes it as its first worker starts. Raises Unfit with pip's reason.
    """
    if not sweep.pip:
        return
    try:
        _made(sweep.packages, say)
    except NotInstalled as error:
        raise Unfit(str(error)) from error
    if joined is None:
        return
    failed: Mapping[str, str] = {
        node: why for node, why in on_every_node(_failure, sweep.packages, timeout_s=PATIENCE_S).items() if why
    }
    if failed:
        node, why = next(iter(failed.items()))
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise Unfit(f"node {node}{more}: {why}")


def _failure(packages: Packages) -> str | None:
    """Return why the environment cannot be made on this machine; None where it is there now."""
    try:
        _made(packages, print)
    except NotInstalled as error:
        return str(error)
    return None


def _made(packages: Packages, say: Callable[[str], None]) -> None:
    from workloads.users_packages.environment import made  # 20 ms: packaging

    made(packages, say)
