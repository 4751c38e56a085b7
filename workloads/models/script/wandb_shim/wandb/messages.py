"""Errors and messages."""

from __future__ import annotations

import sys
from typing import Any

REAL = "write 'wandb: real' into the sweep file, to use the package wandb itself"
_told: set[str] = set()


class Error(Exception):
    """Base of W&B's errors."""

    def __init__(self, message: str = "", context: Any = None) -> None:
        super().__init__(message)
        self.message, self.context = message, context


class CommError(Error):
    """W&B's servers cannot be asked."""


class UsageError(Error):
    """A call that cannot be meant."""


class AuthenticationError(CommError):
    """A key is missing; never raised here."""


class UnsupportedError(UsageError):
    """What this module does not have."""


class ConfigError(Error):
    """A value of the configuration would be changed."""


def _tell(text: str, repeat: bool) -> None:
    if repeat or text not in _told:
        _told.add(text)
        sys.stderr.write(f"wandb: {text}\n")


def termlog(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Write a message to stderr; with ``repeat`` False only once."""
    _tell(string, repeat)


def termwarn(string: str, newline: bool = True, repeat: bool = True, **_: Any) -> None:
    """Write a warning to stderr; with ``repeat`` False only once."""
    _tell(f"WARNING {string}", repeat)


def termerror(string: str, newline: bool = True, repeat: bool = True, **_: Any) -> None:
    """Write an error to stderr; with ``repeat`` False only once."""
    _tell(f"ERROR {string}", repeat)


def passed_over(what: str) -> None:
    """Tell once that something is not kept."""
    _tell(f"Paceline does not keep {what}: {REAL}", repeat=False)


def not_here(what: str) -> str:
    """Return the sentence for what this module does not have."""
    return f"Paceline's module wandb has no {what}: {REAL}"
