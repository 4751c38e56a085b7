"""Starts a local Ray on this machine, for one sweep alone."""

from __future__ import annotations

import fcntl
import importlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# On a busy machine Ray's own 30 s are too few.
os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "60")
os.environ.setdefault("RAY_agent_register_timeout_ms", "300000")
# A driver would wait for its first workers with the interpreter locked, in the midst of its own imports.
os.environ.setdefault("RAY_prestart_worker_first_driver", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "100000")
# Lanes keep the memory of a training step for the next one: giving it back costs up to 1,000 page faults a step.
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 * 2**20))
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(128 * 2**20))
os.environ.setdefault("PL_DISABLE_FORK", "1")  # Tune would set it for its actors, but lanes/tune.py prevents that

from cluster.ray_internals.forkserver import fork_server, wait_for_imports
from cluster.ray_internals.imports import importing
from cluster.ray_internals.job_config import NO_ENV, job_config
from cluster.ray_internals.lean_node import lean_node
from cluster.ray_internals.private_ray import forget_token, private_ray, sessions
from cluster.ray_internals.remains import cleared
from cluster.ray_internals.watched_ray import RayLost
from search_spaces.types.driver_errors import NoRay

EARLY = ("cluster.lanes.tune", "pandas")
"""Modules imported in a thread while Ray's processes start: Tune alone takes a second."""


def import_early() -> None:
    """Import the modules of ``EARLY``, without the garbage collector."""
    with importing():
        for name in EARLY:
            importlib.import_module(name)


LASTING = (OSError, ValueError, TypeError, AttributeError, NoRay)
"""Errors of Ray's start that come again."""
NUM_STARTS = 3
"""Number of times that a start of Ray is tried."""


@contextmanager
def local_ray(
    num_cpus: int,
    leave: bool,
    quieten: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda text: None,
    env: Mapping[str, str] = NO_ENV,
) -> Iterator[None]:
    """Run a local Ray with ``num_cpus`` CPUs for the block, without log output; other clusters are not joined.

    With ``leave`` Ray is not shut down after a block without an error: its processes end with this one, which
    saves a process that is about to exit a second. Where Ray does not start, on a busy machine, that is told
    (``say``) and tried again, the last time after ``quieten``, which waits for all else that this sweep does, and
    while no other sweep does the same. Raises NoRay when that fails, too. Workers have the variables ``env`` before
    they import anything.
    """
    with fork_server(leave, env) as variables:
        for left in reversed(range(NUM_STARTS)):
            with nullcontext() if left else _alone(variables, quieten):
                if (failed := _start(num_cpus, variables, env)) is None:
                    break
            if not left:
                raise NoRay(f"Ray did not start, which was tried {NUM_STARTS} times: {failed}")
            say(f"Ray did not start, and it is tried again: {failed}")
        try:
            yield
        except RayLost:
            raise
        except BaseException:
            _end()
            raise
        if not leave:
            _end()


def _end() -> None:
    import ray

    ray.shutdown()
    forget_token()


def _start(num_cpus: int, variables: Mapping[str, str], env: Mapping[str, str]) -> str | None:
    """Start Ray; return why it did not start, if that may pass, and None if it did."""
    import ray  # here, so that the data's process and the fork server start before

    try:
        with own_sigterm(), private_ray() as folder, lean_node(variables):
            ray.init(
                address="local",
                _temp_dir=str(folder),
                num_cpus=num_cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                job_config=job_config(NO_ENV if variables else env),
            )
    except BaseException as error:
        _end()
        said = cleared(error)
        if not _may_pass(error):
            raise
        return f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores, {said}"
    return None


def _may_pass(error: BaseException) -> bool:
    """Whether Ray may start the next time: not where the disk is full, a setting is wrong or the user stops it."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    return isinstance(error, Exception) and not isinstance(error, LASTING)


@contextmanager
def _alone(variables: Mapping[str, str], quieten: Callable[[], None]) -> Iterator[None]:
    """Run the block with nothing of this sweep beside it, and one sweep of this user on this machine at a time."""
    quieten()
    wait_for_imports(variables)
    with ExitStack() as files:
        with suppress(OSError):  # without the lock Ray may start as well
            lock = files.enter_context((sessions().parent / "alone.lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def own_sigterm() -> Iterator[None]:
    """Restore the handler of SIGTERM after the block, which starts Ray; a SIGTERM in it is a KeyboardInterrupt.

    Ray's own handler ends the process with exit code 15, which no command has.
    """
    if threading.current_thread() is not threading.main_thread():  # where Ray sets none
        yield
        return
    own = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as error:
        if error.code == signal.SIGTERM:  # Ray's handler
            raise KeyboardInterrupt from error
        raise
    finally:
        if own is not None:  # one that was not set by Python cannot be set by it
            signal.signal(signal.SIGTERM, own)
