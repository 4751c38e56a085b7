"""A sweep that runs in the background of this process, and its result."""

from __future__ import annotations

import asyncio
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, get_args

from cluster.interrupts import interrupts
from cluster.python.driver_process import DriverProcess
from cluster.python.events import Event, show
from cluster.python.notebook import NotebookView, cell, in_notebook
from cluster.python.outcome import Outcome
from cluster.python.resume import ready
from cluster.python.showing import show_end, title, viewer
from cluster.sweep.home import SweepHome
from search_spaces.types.driver_errors import BrokeOff

if TYPE_CHECKING:
    from cluster.sweep.limits.extension import Extension
    from cluster.terminal.records import Observer
    from search_spaces.spec.sweep import Sweep

Progress = Literal["auto", "live", "lines", "quiet"]
"""How a running sweep is shown: as fits the place, as a table in the terminal, by lines, or by messages alone."""
WAKE_S = 0.2
"""How often what awaits a sweep looks for an interrupt."""


class Result(Outcome):
    """What a sweep has found, as it is on disk; and the way to go on with it."""

    def resume(
        self,
        trials: int | str | None = None,
        budget: Mapping[str, float | str] | None = None,
        progress: Progress = "auto",
    ) -> Result:
        """Continue the sweep, and return its result then; raises as ``paceline.run``.

        ``trials`` is how many in all, or with ``"+20"`` how many more; ``budget`` likewise by limit, as in
        ``{"epochs": "+200"}``. Without them a sweep with nothing left to do is returned as it is.
        """
        refuse_unknown(progress)
        read = ready(self._read, partial(warnings.warn, stacklevel=3))
        more = None
        if trials is not None or budget:
            from cluster.sweep.more_trials import extension  # 140 ms: Optuna

            wanted = [f"{limit}={amount}" for limit, amount in (budget or {}).items()]
            more = extension(read, None if trials is None else str(trials), wanted)
        elif read.complete:
            return Result(self.home)
        self._known = None  # it is read anew
        return followed(self.home, read.sweep, progress, more)


class Running:
    """A sweep that runs in the background, in a process of its own. ``await`` it, or ask for ``result()``.

    An interrupt of what awaits it stops it cleanly; where the task is cancelled otherwise, as by
    ``asyncio.wait_for``, it runs on: ``stop()`` stops it. It stops cleanly once this process ends.
    """

    def __init__(self, process: DriverProcess, hear: Callable[[Event], None]) -> None:
        self._process, self._hear = process, hear
        self._asked_to_stop = False
        self._future: Future[Result] = Future()
        threading.Thread(target=self._follow, daemon=True, name=f"sweep {self.id}").start()

    @classmethod
    def started(cls, home: SweepHome, more: Extension | None, hear: Callable[[Event], None]) -> Running:
        """Start the driver of the sweep; ``hear`` gets its events, in a thread of its own."""
        return cls(DriverProcess.started(home, more), hear)

    @property
    def id(self) -> str:
        """The sweep's ID."""
        return self._process.home.id

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done()

    def result(self, timeout_s: float | None = None) -> Result:
        """Wait for the end, and return the result.

        Raises TimeoutError where it has not ended after ``timeout_s`` seconds, SpecError or Unable where the sweep
        could not begin, and BrokeOff where it cannot go on.
        """
        return self._future.result(timeout_s)

    def so_far(self) -> Result:
        """Return the result as it is now; it reads the sweep anew whenever it is asked."""
        return Result(self._process.home, _goes_on=lambda: not self.done)

    def stop(self, now: bool = False) -> None:
        """Stop at the next epoch, with everything saved, or at once (``now``); ``result()`` waits for the end."""
        self._asked_to_stop = True
        if not self.done:
            self._process.stop(now)

    def when_done(self, call: Callable[[], object]) -> None:
        """Have ``call`` called once it has ended."""
        self._future.add_done_callback(lambda _: call())

    def __await__(self) -> Generator[Any, None, Result]:
        return self._awaited().__await__()

    async def _awaited(self) -> Result:
        ended = asyncio.wrap_future(self._future)
        with interrupts() as interrupted:
            try:
                while not ended.done():  # a kernel's loop hears of an interrupt only when it wakes
                    await asyncio.wait([ended], timeout=WAKE_S)
                return ended.result()
            except asyncio.CancelledError:
                if interrupted():  # Ctrl-C, or the stop button of a notebook whose cell awaits
                    self.stop()
                raise

    def __repr__(self) -> str:
        return f"<sweep {self.id}: {self.so_far().state if self.done else 'running'}>"

    def _follow(self) -> None:
        last: Event | None = None
        for event in self._process.events():
            if event[0] in ("ended", "raised"):
                last = event
                continue
            try:
                self._hear(event)
            except Exception as error:  # noqa: BLE001 - whatever a display does, the sweep goes on
                warnings.warn(f"sweep {self.id} is not shown any more: {error!r}", stacklevel=1)
                self._hear = lambda event: None
        code = self._process.code()
        if last is not None and last[0] == "raised":
            self._future.set_exception(last[1])
        elif last is None and not self._asked_to_stop:
            self._future.set_exception(_died(self._process.home, code))
        else:
            self._future.set_result(Result(self._process.home))


def _died(home: SweepHome, code: int) -> BrokeOff:
    how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    way_on = f'paceline.load("{home.id}").resume() continues it'
    return BrokeOff(f"the process that drove sweep {home.id} ended with {how}; {way_on}")


def refuse_unknown(progress: str) -> None:
    """Raise ValueError for a ``progress`` that there is not."""
    if progress not in get_args(Progress):
        raise ValueError(f"progress must be one of {', '.join(get_args(Progress))}, received {progress!r}")


def followed(home: SweepHome, sweep: Sweep, progress: Progress, more: Extension | None = None) -> Result:
    """Run the sweep to its end with a view of it, and return its result; raises as ``Running.result``.

    An interrupt stops it cleanly, a second one at once, and neither is raised.
    """
    with _view(home, sweep, progress) as view:
        result = _watched(home, view, more)
    if isinstance(view, NotebookView):
        view.replace(result.html(view.said))
        result._shown_in = cell()
    elif progress != "quiet":
        show_end(result._read)
    return result


def _view(home: SweepHome, sweep: Sweep, progress: Progress) -> NotebookView | AbstractContextManager[Observer]:
    head = title(home, sweep)
    if progress == "auto" and in_notebook():
        return NotebookView(head)
    return viewer(head, quiet=progress == "quiet", live=progress != "lines")


def _watched(home: SweepHome, view: Observer, more: Extension | None) -> Result:
    events: SimpleQueue[Event | None] = SimpleQueue()
    running, interrupted = Running.started(home, more, events.put), False
    running.when_done(partial(events.put, None))
    while True:
        try:
            if (event := events.get()) is None:
                return running.result()
            show(event, view)
        except KeyboardInterrupt:
            running.stop(now=interrupted)
            interrupted = True


def begun_beside(home: SweepHome, sweep: Sweep, progress: Progress) -> Running:
    """Start the sweep in the background. It is shown in a notebook, and else only if ``progress`` asks for it."""
    shown = progress if progress != "auto" or in_notebook() else "quiet"
    showing = ExitStack()
    view = showing.enter_context(_view(home, sweep, shown))
    running = Running.started(home, None, partial(show, view=view))
    running.when_done(partial(_over, running, view, showing))
    return running


def _over(running: Running, view: Observer, showing: ExitStack) -> None:
    showing.close()
    if isinstance(view, NotebookView):
        view.replace(running.so_far().html(view.said))
