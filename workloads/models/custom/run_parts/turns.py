"""How a training function and the loop take turns, each in a thread of its own: one works while the other waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Abandoned(BaseException):
    """Raised by ``report`` when the training is not continued here; a function that catches it must return."""


class Turns:
    """Turns of two threads, of which the loop's has the first.

    The function's thread calls ``play`` and ``hand_over``, the loop's all the rest.
    """

    def __init__(self) -> None:
        self._function_may, self._loop_may = threading.Semaphore(0), threading.Semaphore(0)
        self._abandoned = False
        self._refusal: Exception | None = None
        self._asked: Callable[[], object] | None = None
        self.answer: Any = None
        """What was asked for, once ``wait`` has returned true."""
        self.error: BaseException | None = None
        """What the function has raised, or what it was asked for."""
        self.ended = False
        """Whether the function has come to its end."""

    def play(self, function: Callable[[], object]) -> None:
        """Wait for the first turn, then call ``function``; the body of its thread.

        Behind its return the thread does what the loop asks for, until it is given up.
        """
        self._function_may.acquire()
        if self._abandoned:
            return
        try:
            function()
        except Abandoned:
            return
        except BaseException as error:  # noqa: BLE001 - raised again in the loop's thread
            self.error, self.ended = error, True
            self._loop_may.release()
            return
        self.ended = True
        if not self._abandoned:
            with suppress(Abandoned):
                self.hand_over()

    def hand_over(self) -> None:
        """Give the loop its turn, do what it asks for, and return when the function is to go on.

        Raises Abandoned, or the reason for which the loop refuses what the function has reported.
        """
        self._loop_may.release()
        while True:
            self._function_may.acquire()
            if self._abandoned:
                raise Abandoned
            if self._refusal is not None:
                raise self._refusal
            if self._asked is None:
                return
            asked, self._asked = self._asked, None
            try:
                self.answer = asked()
            except BaseException as error:  # noqa: BLE001 - raised again in the loop's thread
                self.error = error
            self._loop_may.release()

    def advance(self) -> None:
        """Let the function go on."""
        self._function_may.release()

    def ask(self, work: Callable[[], object]) -> None:
        """Have the function's thread, which waits in ``hand_over``, call ``work`` there."""
        self._asked = work
        self._function_may.release()

    def refuse(self, reason: Exception) -> None:
        """Raise ``reason`` where the function waits."""
        self._refusal = reason
        self._function_may.release()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for a report, the function's end, or what was asked for. Returns False after ``seconds``."""
        return self._loop_may.acquire(timeout=seconds)

    def abandon(self) -> None:
        """End the function's thread where it waits, or where it comes to wait next."""
        self._abandoned = True
        self._function_may.release()
