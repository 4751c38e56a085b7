"""The script that a local Ray starts as a worker: it asks the fork server (``forkserver``) to fork the real one.

It imports the standard library alone, as it runs once for each worker, and lives as long as the worker does. If no
server answers, or the worker needs its own runtime environment, the script becomes the worker that Ray would have
started.
"""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import sys
from pathlib import Path

ADDRESS = "PACELINE_FORK_SERVER"
"""Environment variable with the name of the server's socket, an abstract one: it leaves no file behind."""
CONTEXT, LANGUAGE = "--serialized-runtime-env-context=", "--language="


def main() -> None:
    """Have one worker forked, and wait for its end; ``sys.argv`` is that of Ray's ``setup_worker.py``."""
    words, address = sys.argv[1:], os.environ.pop(ADDRESS, "")
    if address and is_plain(words) and forked(address, [w for w in words if not w.startswith((CONTEXT, LANGUAGE))]):
        return
    ray = importlib.util.find_spec("ray")
    assert ray and ray.origin, "it is Ray that starts this script"
    setup = Path(ray.origin).parent / "_private" / "workers" / "setup_worker.py"
    os.execv(sys.executable, [sys.executable, str(setup), *words])


def is_plain(words: list[str]) -> bool:
    """Whether these arguments start a Python worker without a runtime environment of its own."""
    contexts = [json.loads(word.removeprefix(CONTEXT)) for word in words if word.startswith(CONTEXT)]
    pythons = {context.pop("py_executable", sys.executable) for context in contexts}
    wishes = [wish for context in contexts for wish in context.values()]
    return f"{LANGUAGE}PYTHON" in words and not any(wishes) and pythons <= {sys.executable}


def abstract(address: str) -> str:
    """Return the name of an abstract Linux socket: a zero byte and ``address`` (unix(7))."""
    return f"\0{address}"


def forked(address: str, argv: list[str]) -> bool:
    """Have the server fork a process that runs ``argv``, and wait until it has ended; False if none was forked.

    The process gets this one's environment, folder, standard streams, signal mask and OOM score.
    """
    order = {
        "argv": argv,
        "environ": dict(os.environ),
        "folder": str(Path.cwd()),
        "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
        "oom_score_adj": Path("/proc/self/oom_score_adj").read_text(),
    }
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(abstract(address))
            socket.send_fds(server, [b"."], [0, 1, 2])
            server.sendall(json.dumps(order).encode())
            server.shutdown(socket.SHUT_WR)
            if not server.recv(1):
                return False
        except OSError:
            return False
        with contextlib.suppress(OSError):  # the connection is reset when the worker is killed
            server.recv(1)
        return True


if __name__ == "__main__":
    main()
