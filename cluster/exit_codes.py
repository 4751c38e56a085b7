"""Exit codes of commands and of ``cluster.job``; scripts rely on them."""

from __future__ import annotations

FINISHED = 0
"""The command succeeded; a command that runs a sweep: the sweep has finished."""
FAILED = 1
"""No trial, or no training of the final evaluation, succeeded, or a failure at run time.

Of ``doctor``: at least one check found something wrong.
"""
BAD_SPEC = 2
"""The spec or the usage is wrong: every fault was printed, and nothing was started."""
TOO_MANY_FAILURES = 3
"""More trials than ``max_failed_trials`` failed after their last retry."""
UNREACHABLE = 4
"""MLflow cannot be reached. Results wait in the sweep's spool, and ``paceline resume`` sends them."""
INTERRUPTED = 130
"""Interrupted, with everything saved: ``paceline resume`` continues the sweep."""
