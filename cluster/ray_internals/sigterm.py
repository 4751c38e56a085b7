"""Keeps the process's own handling of SIGTERM: Ray's ends it with exit code 15, which no command has."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def own_sigterm() -> Iterator[None]:
    """Restore the handler of SIGTERM after the block, which starts Ray; a SIGTERM in it is a KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():  # where Ray sets none
        yield
        return
    own = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as error:
        if error.code == signal.SIGTERM:  # Ray's handler
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGTERM, own)
