"""Bounds the time of a call to a library that may wait for a connection for minutes, or for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable


def within(limit_s: float, action: Callable[[], object]) -> None:
    """Run ``action`` and raise what it raises, or TimeoutError after ``limit_s`` seconds.

    It then goes on in its thread, which does not keep the process from ending.
    """
    raised: list[Exception] = []

    def work() -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - raised again below
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        raise TimeoutError(f"no connection within {limit_s:g} s")
    if raised:
        raise raised[0]
