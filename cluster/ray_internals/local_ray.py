"""Starts a local Ray on this machine, for one sweep alone."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# A driver would wait for its first workers with the interpreter locked, in the midst of its own imports.
os.environ.setdefault("RAY_prestart_worker_first_driver", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "100000")
# Lanes keep the memory of a training step for the next one: giving it back costs up to 1,000 page faults a step.
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 * 2**20))
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(128 * 2**20))
os.environ.setdefault("PL_DISABLE_FORK", "1")  # Tune would set it for its actors, but lanes/tune.py prevents that

from cluster.ray_internals.forkserver import fork_server
from cluster.ray_internals.imports import importing
from cluster.ray_internals.lean_node import lean_node

EARLY = ("cluster.lanes.tune", "pandas")
"""Modules imported in a thread while Ray's processes start: Tune alone takes a second."""


def import_early() -> None:
    """Import the modules of ``EARLY``, without the garbage collector."""
    with importing():
        for name in EARLY:
            importlib.import_module(name)


@contextmanager
def local_ray(num_cpus: int, leave: bool) -> Iterator[None]:
    """Run a local Ray with ``num_cpus`` CPUs for the block, without log output; other clusters are not joined.

    With ``leave`` Ray is not shut down after a block without an error: its processes end with this one, which
    saves a process that is about to exit a second.
    """
    with fork_server(leave) as variables:
        import ray  # here, so that the data's process and the fork server start before

        with lean_node(variables):
            ray.init(
                address="local",
                num_cpus=num_cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        try:
            yield
        except BaseException:
            ray.shutdown()
            raise
        if not leave:
            ray.shutdown()
