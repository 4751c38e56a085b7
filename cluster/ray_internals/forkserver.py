"""A process that has imported what lanes import, and forks whenever this machine's Ray wants a worker.

However many lanes there are, they cost the imports of one, made while Ray still starts, and hold them in memory
once. Ray itself is imported last, for the first worker and in its environment: Ray reads its settings from there as
it is imported, and the driver sets some of them as late as it starts Ray. Ray's threads come later, in each worker.
Only for a Ray of our own, and on Linux, where forking behind imports is sound.
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

from cluster.ray_internals.forked_worker import ADDRESS, abstract
from cluster.ray_internals.imports import import_ahead
from search_spaces.types.plain import ASKED_FOR, plain

RAYS = ("pandas", "pyarrow", "fsspec", "requests", "jsonschema", "pydantic", "rich", "yaml")
"""What Ray Tune imports, beside Ray."""
AHEAD = ("workloads.legs.runner", "workloads.training.fused.loop", "workloads.training.choose_width", *RAYS)
ON_RAY = ("cluster.lanes.lane",)
DRAWN = "ActorClassID"
"""What Ray draws at random as it is imported."""
WITHOUT = "every worker imports torch and Ray Tune for itself: 2 to 4 s of CPU each"
PATIENCE_S = 5.0
"""With whoever asks, and does not say for what."""
CREDENTIALS = struct.Struct("3i")
"""Linux's ``ucred``: process, user, group."""


def why_off() -> str | None:
    """Why Ray starts its workers as ever; None where they are forked."""
    if plain():
        return ASKED_FOR
    return None if sys.platform == "linux" else f"workers are forked on Linux alone, not on {sys.platform}"


@contextmanager
def fork_server(leave: bool) -> Iterator[Mapping[str, str]]:
    """The variables that tell ``forked_worker`` of a server that is starting; none where there cannot be one.

    With ``leave`` it ends with this process, else behind the block; workers outlive it.
    """
    if why_off():
        yield {}
        return
    address = f"paceline-{secrets.token_hex(16)}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(abstract(address))
        listener.listen()  # here: who asks before the server is ready waits
        server = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "cluster.ray_internals.forkserver",
                str(listener.fileno()),
                " ".join(AHEAD),
                " ".join(ON_RAY),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
    try:
        yield {ADDRESS: address}
    finally:
        if not leave:
            server.communicate()


def main() -> None:
    """Import the modules ``argv[2]``, then serve at the socket ``argv[1]``, with ``argv[3]``, until stdin ends."""
    number, ahead, on_ray = sys.argv[1:]
    import_ahead(ahead.split())
    with socket.socket(fileno=int(number)) as listener:
        order = serve(listener, on_ray.split())
    if order is not None:
        become(order)


def serve(listener: socket.socket, on_ray: Sequence[str]) -> dict[str, Any] | None:
    """The order of a forked worker, in that process; None in the server, once it is no longer wanted.

    The modules ``on_ray`` are imported in the environment of the first.
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
    """Import what imports Ray, and leave it with random numbers undrawn: forked workers would share the next ones.

    Ray draws them in C++ to name the actor classes that it defines meanwhile; their names come from the system.
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
    """Whether the same user asks: sockets without a file have no permissions."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return bool(CREDENTIALS.unpack(credentials)[1] == os.getuid())


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _order(connection: socket.socket, files: ExitStack) -> dict[str, Any] | None:
    """What is wanted, with the files of whoever asked, open until ``files`` ends; None where that is never said."""
    connection.settimeout(PATIENCE_S)  # of one that is stopped others must not take notice
    try:
        _, numbers, _, _ = socket.recv_fds(connection, 1, 3)
        for number in numbers:
            files.callback(os.close, number)
        with connection.makefile("rb") as text:
            return {**json.load(text), "files": numbers}
    except (OSError, ValueError, TypeError):
        return None


def _accepted(connection: socket.socket, order: dict[str, Any]) -> dict[str, Any]:
    """In the new process: it takes the files of whoever asked, and holds the line as long as it lives."""
    for number, file in enumerate(order["files"]):
        os.dup2(file, number)
    connection.send(b"+")
    os.dup(connection.fileno())
    return order


def become(order: Mapping[str, Any]) -> None:
    """What the process that asked would have become."""
    os.setpgid(0, 0)  # Ray ends a dead worker's whole group
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environ"])
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(order["oom_score_adj"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, order["blocked"])
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # else all workers would draw the same, unlike Python's own
    sys.argv = order["argv"]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))  # as for a script
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
