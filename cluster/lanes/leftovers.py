"""What users' code leaves behind in a lane's process when its leg is over: child processes, threads, memory.

A lane with leftovers is replaced by a new one: what runs on, or fills the memory, would reach the trials after it.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import psutil

from cluster.lanes.memory_growth import MemoryGrowth
from search_spaces.types.errors.whose_code import is_installed
from search_spaces.types.module_path import OURS
from workloads.models.script.child_processes import adopt_orphans, children

USERS = "workloads.users_code."
"""Beginning of the names of modules that are users'."""
POOLS = (
    *("multiprocessing.resource_tracker", "multiprocessing.forkserver", "loky", "compile_worker"),
    *("wandb-core", "wandb-service"),
    "script/lane_guard.py",
)
"""Parts of the commands of processes that libraries keep for the whole process: joblib's, torch.compile's ..."""
SHOWN = 3
"""Number of different commands of processes that are named."""
ENDED_S, LEFT_S = 1.0, 5.0
"""Seconds after which a child that has got SIGTERM gets SIGKILL, and after which one that stays is left."""


class Leftovers:
    """Watches a process for what users' code leaves behind; what there is at first belongs to the process."""

    def __init__(self) -> None:
        adopt_orphans()
        self.memory = MemoryGrowth()
        self._children, self._threads = children(), {thread.ident for thread in threading.enumerate()}

    def told(self) -> str | None:
        """End the children that are left, and return what was left behind, for users; None where nothing was."""
        left = [*self._ended_children(), *self._running_threads(), *filter(None, [self.memory.after_leg()])]
        return f"left behind {', '.join(left)}" if left else None

    def _ended_children(self) -> list[str]:
        commands: dict[int, str] = {}
        if self._left():
            gc.collect()  # a loader that nothing holds but itself ends its workers
        begun = time.monotonic()
        while (left := self._left()) and (spent_s := time.monotonic() - begun) < LEFT_S:
            for child in left:  # the children of those that end come up as ours
                with contextlib.suppress(psutil.Error):  # also one of another user, as of sudo
                    commands.setdefault(child.pid, (" ".join(child.cmdline()) or child.name())[:80])
                    child.send_signal(signal.SIGTERM if spent_s < ENDED_S else signal.SIGKILL)
            psutil.wait_procs(left, 0.1)
        self._children |= {child.pid for child in left}
        names = ", ".join(list(dict.fromkeys(commands.values()))[:SHOWN])
        count = "a process" if len(commands) == 1 else f"{len(commands)} processes"
        return [f"{count} ({names})"] if commands else []

    def _left(self) -> list[psutil.Process]:
        """Return the living children that users' code started, but for libraries' pools."""
        found = []
        for number in children() - self._children:
            with contextlib.suppress(psutil.Error):
                child = psutil.Process(number)
                if child.status() == psutil.STATUS_ZOMBIE:
                    child.wait()
                elif any(pool in " ".join(child.cmdline()) for pool in POOLS):
                    self._children.add(number)
                else:
                    found.append(child)
        return found

    def _running_threads(self) -> list[str]:
        """Return the new threads that run a user's code. Those of libraries wait for work, as a progress bar's."""
        new = [thread for thread in threading.enumerate() if thread.ident not in self._threads]
        frames = sys._current_frames() if new else {}
        places = dict.fromkeys(_place(frames.get(thread.ident or 0)) for thread in new)
        return [f"a thread ({place})" for place in places if place]


def _place(frame: FrameType | None) -> str | None:
    """Return where in a user's code a thread is, ``train.py:12``; None where it runs none."""
    while frame is not None:
        name, module = frame.f_code.co_filename, str(frame.f_globals.get("__name__"))
        if not is_installed(name) and (module.split(".")[0] not in OURS or module.startswith(USERS)):
            return f"{Path(name).name}:{frame.f_lineno}"
        frame = frame.f_back
    return None
