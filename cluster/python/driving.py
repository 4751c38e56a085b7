"""The process that drives a sweep for another one: ``python -m cluster.python.driving HOME PIPE``.

So a notebook's kernel holds no Ray, has its signals for itself, and no end of a sweep is its end. The sweep stops
cleanly as soon as the other process is gone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.doctor.proxies import reach_this_machine_directly
from cluster.driver.here import drive_here, held
from cluster.exit_codes import FAILED, INTERRUPTED
from cluster.python.driver_process import LOG
from cluster.python.events import Sender
from cluster.python.showing import title
from cluster.sweep.home import Busy, SweepHome
from cluster.sweep.stop import interrupted_by_sigterm, leave
from cluster.terminal.standard_streams import open_standard_streams
from cluster.terminal.views import LineView
from search_spaces.types.driver_errors import BrokeOff, SweepError, Unable
from search_spaces.types.faults import SpecError
from search_spaces.types.module_path import working_folder_last

if TYPE_CHECKING:
    from cluster.sweep.limits.extension import Extension


def main(words: list[str]) -> int:
    """Drive the sweep of the home ``words[0]``, and tell of it on the open file number ``words[1]``."""
    path = Path(words[0])
    pipe: Connection[Any, Any] = Connection(int(words[1]))
    try:
        interrupted_by_sigterm()
        open_standard_streams()
        reach_this_machine_directly()
        working_folder_last()
        more = pipe.recv()
        threading.Thread(target=_stop_when_left, args=(pipe,), daemon=True, name="watch the caller").start()
        return drive_for(SweepHome(path.name, path), pipe, more)
    except KeyboardInterrupt:
        return INTERRUPTED


def drive_for(home: SweepHome, pipe: Connection[Any, Any], more: Extension | None) -> int:
    """Drive the sweep, send what happens and how it ended, and return the exit code."""
    with LineView(title(home, home.sweep()), sys.stdout) as log:
        sender = Sender(pipe, log)
        try:
            code = drive_here(home, sender, more)
        except KeyboardInterrupt:
            code = INTERRUPTED
        except Exception as error:  # noqa: BLE001 - told whole in the log, and raised by the caller
            traceback.print_exc()
            sender.send("raised", _for_caller(error, home))
            return FAILED
        sender.send("ended", code)
        return code


def _for_caller(error: Exception, home: SweepHome) -> Exception:
    """Return an exception that the caller can raise: without parts that only this process knows."""
    if isinstance(error, SpecError | SweepError):
        return error
    if isinstance(error, Busy):
        return Unable(held(error, home))
    last = traceback.format_exception_only(error)[-1].strip()
    return BrokeOff(f"{last}; the whole of it is in {home.path / LOG}")


def _stop_when_left(pipe: Connection[Any, Any]) -> None:
    """Stop the sweep cleanly once the caller is gone, which sends nothing more."""
    try:
        pipe.recv()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    leave(code)
    sys.exit(code)
