"""Tracebacks with the user's own frames: those of Paceline and of installed packages are left out."""

from __future__ import annotations

import re
from pathlib import Path

FRAME = re.compile(r'^  File "(?P<path>[^"]+)", line \d+')
_ROOT = Path(__file__).resolve().parents[3]
_OURS = tuple(str(_ROOT / name) for name in ("cluster", "workloads", "search_spaces", "tracking"))
_INSTALLED = re.compile(r"[/\\](site-packages|dist-packages|lib[/\\]python3\.\d+)[/\\]|^<frozen ")


def own_frames(text: str) -> str:
    """Return a traceback without the frames of Paceline, of packages, and of Python's library.

    A text without any frame of the user's is returned as it is.
    """
    kept, own, shown = [], 0, True
    for line in text.splitlines():
        if found := FRAME.match(line):
            shown = not (found["path"].startswith(_OURS) or _INSTALLED.search(found["path"]))
            own += shown
        elif not line.startswith("    "):
            shown = True
        if shown:
            kept.append(line)
    return "\n".join(kept) if own else text
