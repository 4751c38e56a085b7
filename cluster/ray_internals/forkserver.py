"""A server process that imports the lanes' modules once and forks a worker whenever the local Ray asks for one.

So all lanes together cost the imports of one, made while Ray still starts, and share their memory. Ray itself is
imported last, in the environment of the first worker: Ray reads its settings from the environment at its import,
and the driver sets some of them only as it starts Ray. Ray's threads start later, in each worker, as a fork would
not copy them. Only for a local Ray, and only on Linux, where forking after imports is safe.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import secrets
import selectors
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cluster.ray_internals import worker_exits
from cluster.ray_internals.forked_worker import ADDRESS, abstract
from cluster.ray_internals.imports import import_ahead
from cluster.ray_internals.job_config import NO_ENV
from search_spaces.types.module_path import command, environment
from search_spaces.types.plain import ASKED_FOR, plain

RAYS = ("pandas", "pyarrow", "fsspec", "requests", "jsonschema", "pydantic", "rich", "yaml")
"""Modules that Ray Tune imports, besides Ray."""
AHEAD = ("workloads.legs.runner", "workloads.training.fused.loop", "workloads.training.choose_width", *RAYS)
ON_RAY = ("cluster.lanes.lane",)
DRAWN = "ActorClassID"
"""Name in ``ray.actor`` of the class whose IDs Ray draws at random as an actor class is defined."""
WITHOUT = "every worker imports torch and Ray Tune for itself: 2 to 4 s of CPU each"
PATIENCE_S = 5.0
"""Seconds to wait for the order of a process that has connected."""
CREDENTIALS = struct.Struct("3i")
"""Linux's ``ucred``: process ID, user ID, group ID."""


def why_off() -> str | None:
    """Return the reason why workers are not forked; None if they are."""
    if plain():
        return ASKED_FOR
    return None if sys.platform == "linux" else f"workers are forked on Linux alone, not on {sys.platform}"


@contextmanager
def fork_server(leave: bool, env: Mapping[str, str] = NO_ENV) -> Iterator[Mapping[str, str]]:
    """Start the server; yield the environment variables by which ``forked_worker`` finds it, or none without one.

    The variables ``env`` are set before it imports anything, as torch and others read some of theirs only then.
    The server ends after the block, with ``leave`` only when this process ends; workers outlive it.
    """
    if why_off():
        yield {}
        return
    address = f"paceline-{secrets.token_hex(16)}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(abstract(address))
        listener.listen()  # in this process: a worker that asks before the server is ready waits
        server = subprocess.Popen(
            command(
                "-m", "cluster.ray_internals.forkserver", str(listener.fileno()), " ".join(AHEAD), " ".join(ON_RAY)
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"OMP_NUM_THREADS": "1", **os.environ, **env, **environment()},
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
    assert server.stdin and server.stdout
    worker_exits.listen(server.stdout)
    try:
        yield {ADDRESS: address}
    finally:
        if not leave:
            server.stdin.close()
            server.wait()


def wait_for_imports(variables: Mapping[str, str]) -> None:
    """Wait until the server of ``variables``, if there is one, has imported its modules or has ended."""
    if ADDRESS in variables:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asking:
            asking.connect(abstract(variables[ADDRESS]))
            asking.shutdown(socket.SHUT_WR)  # no order: the server closes the connection as it comes to it
            asking.recv(1)


def main() -> None:
    """Import modules, then fork workers until stdin ends. Arguments: socket number, modules, modules on Ray."""
    number, ahead, on_ray = sys.argv[1:]
    import_ahead(ahead.split())
    with socket.socket(fileno=int(number)) as listener:
        order = serve(listener, on_ray.split())
    if order is not None:
        become(order)


def serve(listener: socket.socket, on_ray: Sequence[str]) -> dict[str, Any] | None:
    """Fork a worker for each order; return its order in the worker, and None in the server when stdin ends.

    The modules ``on_ray`` are imported in the environment of the first order.
    """
    signal.signal(signal.SIGCHLD, _reap)
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        while all(key.fileobj is listener for key, _ in selector.select()):
            connection, _ = listener.accept()
            with connection, ExitStack() as files:
                order = _order(connection, files) if _is_ours(connection) else None
                if order is None:
                    continue
                _import_in(order["environ"], on_ray)
                if os.fork() == 0:
                    return _accepted(connection, order)
    return None


def _import_in(environ: Mapping[str, str], names: Sequence[str]) -> None:
    """Import modules that import Ray, without a use of Ray's random generator.

    Ray draws the IDs of the actor classes defined meanwhile in C++, and all forked workers would draw the same
    numbers next. So these IDs come from the operating system instead.
    """
    os.environ.update(environ)
    with contextlib.suppress(ImportError, AttributeError):
        from ray import actor

        drawn = getattr(actor, DRAWN)
        setattr(actor, DRAWN, SimpleNamespace(from_random=lambda: drawn(os.urandom(drawn.size()))))
        try:
            import_ahead(names)
        finally:
            setattr(actor, DRAWN, drawn)


def _is_ours(connection: socket.socket) -> bool:
    """Whether the connection is from a process of this user: abstract sockets have no permissions."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return bool(CREDENTIALS.unpack(credentials)[1] == os.getuid())


def _reap(*_: object) -> None:
    """Take in the workers that have ended, and write their exit statuses for the driver."""
    with contextlib.suppress(ChildProcessError, BrokenPipeError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            os.write(1, b"%d %d\n" % ended)


def _order(connection: socket.socket, files: ExitStack) -> dict[str, Any] | None:
    """Read an order with the asking process's standard streams, which ``files`` closes; None if none arrives."""
    connection.settimeout(PATIENCE_S)  # a process that hangs must not keep others waiting
    try:
        _, numbers, _, _ = socket.recv_fds(connection, 1, 3)
        for number in numbers:
            files.callback(os.close, number)
        with connection.makefile("rb") as text:
            return {**json.load(text), "files": numbers}
    except (OSError, ValueError, TypeError):
        return None


def _accepted(connection: socket.socket, order: dict[str, Any]) -> dict[str, Any]:
    """In the forked worker: take over the standard streams, accept the order and keep the connection open.

    The end of the connection tells the asking process that the worker has ended.
    """
    for number, file in enumerate(order["files"]):
        os.dup2(file, number)
    connection.send(b"+")
    os.dup(connection.fileno())
    return order


def become(order: Mapping[str, Any]) -> None:
    """Turn this forked process into the worker of ``order``: its environment, folder, arguments and script."""
    os.setpgid(0, 0)  # Ray ends a dead worker's whole group
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environ"])
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(order["oom_score_adj"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, order["blocked"])
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # else all workers draw the same numbers; Python reseeds only its own
    sys.argv = order["argv"]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))  # as for a script
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
