"""What the commands do: one module for each kind, imported when one of its commands is called."""

from __future__ import annotations

FINISHED = 0
FAILED = 1
BAD_SPEC = 2
TOO_MANY_FAILURES = 3
UNREACHABLE = 4
INTERRUPTED = 130
