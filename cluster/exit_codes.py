"""How a command ends: the exit codes that scripts may rely on."""

from __future__ import annotations

FINISHED = 0
"""The command did what it was asked; of a sweep: it has finished."""
FAILED = 1
"""No trial succeeded, or a failure at run time; of ``doctor``: something is wrong."""
BAD_SPEC = 2
"""The spec or the usage is wrong: nothing was started, and every fault was told."""
TOO_MANY_FAILURES = 3
"""More trials failed for good than ``max_failed_trials``."""
UNREACHABLE = 4
"""MLflow cannot be reached. Results wait in the sweep's spool, and ``paceline resume`` sends them."""
INTERRUPTED = 130
"""Interrupted, everything saved: ``paceline resume`` goes on."""
