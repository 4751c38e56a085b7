"""A process that has imported what lanes import, and forks whenever this machine's Ray wants a worker.

However many lanes there are, they cost the imports of one, made while Ray still starts, and hold them in memory
once. Ray itself is left out: it reads its settings from the environment as it is imported, and starts threads soon
after. Only for a Ray of our own, and on Linux, where forking behind imports is sound.
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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.forked_worker import ADDRESS, abstract
from workloads.importing import import_ahead

OURS = ("workloads.leg", "workloads.fused", "workloads.widths")
RAYS = ("pandas", "pyarrow", "fsspec", "requests", "jsonschema", "pydantic", "rich", "yaml")
"""What Ray Tune imports, beside Ray."""
CREDENTIALS = struct.Struct("3i")
"""Linux's ``ucred``: process, user, group."""


@contextmanager
def fork_server(leave: bool) -> Iterator[Mapping[str, str]]:
    """The variables that tell ``forked_worker`` of a server that is starting; none where there cannot be one.

    With ``leave`` it ends with this process, else behind the block; workers outlive it.
    """
    if sys.platform != "linux":
        yield {}
        return
    address = f"paceline-{secrets.token_hex(16)}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(abstract(address))
        listener.listen()  # here: who asks before the server is ready waits
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "cluster.forkserver", str(listener.fileno()), *OURS, *RAYS],
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
    """Import the modules ``argv[2:]``, then serve at the socket ``argv[1]`` until stdin ends."""
    import_ahead(sys.argv[2:])
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        order = serve(listener)
    if order is not None:
        become(order)


def serve(listener: socket.socket) -> dict[str, Any] | None:
    """The order of a forked worker, in that process; None in the server, once it is no longer wanted."""
    signal.signal(signal.SIGCHLD, _reap)
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        while all(key.fileobj is listener for key, _ in selector.select()):
            connection, _ = listener.accept()
            with connection:
                if _is_ours(connection) and os.fork() == 0:
                    return _order(connection)
    return None


def _is_ours(connection: socket.socket) -> bool:
    """Whether the same user asks: sockets without a file have no permissions."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return bool(CREDENTIALS.unpack(credentials)[1] == os.getuid())


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _order(connection: socket.socket) -> dict[str, Any]:
    """What is wanted. This process takes the files of whoever asked, and holds the line as long as it lives."""
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    with connection.makefile("rb") as text:
        order: dict[str, Any] = json.load(text)
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
