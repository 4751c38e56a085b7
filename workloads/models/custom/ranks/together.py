"""Waits until the functions of all ranks have come to one point, and tells where one of them waits for ever."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

from search_spaces.types.errors.whose_code import is_installed
from workloads.training.process_group import ProcessGroup

LOOK_S = 5.0
"""Seconds between two looks at a function that others wait for."""
STUCK_S = 60.0
"""Seconds in which a function that waits in torch for other ranks does nothing, while those wait for it."""
IDLE_S = 0.05
"""Seconds of processor time up to which a thread has done nothing."""
COMMUNICATES = ("torch/distributed", "torch/autograd", "torch/nn/parallel")
"""Parts of the names of the files in which a thread waits for other ranks."""
SAME_ORDER = "all must call the same operations of torch.distributed in the same order"
T = TypeVar("T")


class NeverTogether(RuntimeError):
    """Error: ranks wait for each other for ever. The message is one sentence.

    ``there`` has the results of the ranks that have come to the point, by rank.
    """

    def __init__(self, sentence: str, there: Mapping[int, Any] | None = None) -> None:
        super().__init__(sentence)
        self.there = there or {}


@dataclass(frozen=True)
class There(Generic[T]):
    """A rank has come to the point, with a result."""

    value: T


@dataclass(frozen=True)
class OnItsWay:
    """A rank has not come to the point; ``stuck_at`` is the line where it waits for the others, if so."""

    stuck_at: str = ""


def all_ranks(
    group: ProcessGroup, thread: threading.Thread, wait: Callable[[float], T | None], why: str
) -> Sequence[T]:
    """Return the results of all ranks, by rank: each calls ``wait(seconds)`` until it returns one.

    ``thread`` works for that result. Raises NeverTogether, on all ranks, where it waits for ranks that have theirs;
    ``why`` ends the sentence.
    """
    watch, mine = Watch(thread), wait(LOOK_S)
    while True:
        told = group.gathered(OnItsWay(watch.stuck_at()) if mine is None else There(mine))
        found = {rank: one.value for rank, one in enumerate(told) if isinstance(one, There)}
        if len(found) == len(told):
            return list(found.values())
        stuck = {rank: one.stuck_at for rank, one in enumerate(told) if isinstance(one, OnItsWay) and one.stuck_at}
        if found and len(found) + len(stuck) == len(told):
            rank, place = next(iter(stuck.items()))
            waits = f"rank {rank} waits for the other ranks at {place}, and they wait for it"
            raise NeverTogether(f"{waits}: {why}", found)
        if len(stuck) == len(told) and len(set(stuck.values())) > 1:
            where = ", ".join(f"rank {rank} at {place}" for rank, place in stuck.items())
            raise NeverTogether(f"the ranks wait for each other for ever, {where}: {SAME_ORDER}")
        if mine is None:
            mine = wait(LOOK_S)


class Watch:
    """Looks at a thread, whether it waits for other ranks."""

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread
        self._spent_s, self._since, self._place = -1.0, 0.0, ""

    def stuck_at(self) -> str:
        """Return where the thread has waited for ``STUCK_S`` seconds: a file and a line. Empty if it has not."""
        spent_s, place, now = self._processor_s(), self._waits_at(), time.monotonic()
        if not place or place != self._place or spent_s - self._spent_s > IDLE_S:
            self._spent_s, self._since, self._place = spent_s, now, place
        return place if place and now - self._since >= STUCK_S else ""

    def _processor_s(self) -> float:
        clock = getattr(time, "pthread_getcpuclockid", None)  # there is none on macOS: its place must do
        ident = self._thread.ident
        return time.clock_gettime(clock(ident)) if clock and ident and self._thread.is_alive() else 0.0

    def _waits_at(self) -> str:
        """Return the line of users' code that has led into torch's communication; empty where it is elsewhere."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        names = list(_files(frame))
        if not any(part in name for name, _ in names for part in COMMUNICATES):
            return ""
        name, line = next(((name, line) for name, line in names if not is_installed(name)), names[0])
        return f"{Path(name).name}:{line}"


def _files(frame: FrameType | None) -> Sequence[tuple[str, int]]:
    found = []
    while frame is not None:
        found.append((Path(frame.f_code.co_filename).as_posix(), frame.f_lineno))
        frame = frame.f_back
    return found
