"""Standard streams of a process that was started without them, as by `>&-` or a service manager."""

from __future__ import annotations

import os
import sys

MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}


def open_standard_streams() -> None:
    """Open closed ones, to nowhere: a file that is opened later would take their place, and get what is printed."""
    while (opened := os.open(os.devnull, os.O_RDWR)) < len(MODES):
        os.set_inheritable(opened, True)
    os.close(opened)
    for number, (name, mode) in enumerate(MODES.items()):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
