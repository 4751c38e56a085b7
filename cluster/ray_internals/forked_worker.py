"""What a Ray of our own starts as a worker: a script that has the fork server make one, see ``forkserver``.

It imports the standard library alone, as it runs once for each worker, and lives as long as the worker does. Where
no server answers, or the worker wants an environment of its own, it becomes what Ray would have started.
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
"""The environment variable that names the server's socket, which has no file that could be left behind."""
CONTEXT, LANGUAGE = "--serialized-runtime-env-context=", "--language="


def main() -> None:
    """Have the fork server make one worker, and live as long; ``sys.argv`` is that of Ray's ``setup_worker.py``."""
    words, address = sys.argv[1:], os.environ.pop(ADDRESS, "")
    if address and is_plain(words) and forked(address, [w for w in words if not w.startswith((CONTEXT, LANGUAGE))]):
        return
    ray = importlib.util.find_spec("ray")
    assert ray and ray.origin, "it is Ray that starts this script"
    setup = Path(ray.origin).parent / "_private" / "workers" / "setup_worker.py"
    os.execv(sys.executable, [sys.executable, str(setup), *words])


def is_plain(words: list[str]) -> bool:
    """Whether they start a Python worker that takes its node's environment as it is."""
    contexts = [json.loads(word.removeprefix(CONTEXT)) for word in words if word.startswith(CONTEXT)]
    pythons = {context.pop("py_executable", sys.executable) for context in contexts}
    wishes = [wish for context in contexts for wish in context.values()]
    return f"{LANGUAGE}PYTHON" in words and not any(wishes) and pythons <= {sys.executable}


def abstract(address: str) -> str:
    """A socket's name as Linux takes it where there is no file, see unix(7)."""
    return f"\0{address}"


def forked(address: str, argv: list[str]) -> bool:
    """Whether the server made a process that runs ``argv`` with all that this one has; it has ended then."""
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
        with contextlib.suppress(OSError):  # reset where it was killed
            server.recv(1)
        return True


if __name__ == "__main__":
    main()
