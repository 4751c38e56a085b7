"""Errors, under the name that W&B has for their module."""

from __future__ import annotations

from .messages import (
    AuthenticationError,
    CommError,
    ConfigError,
    Error,
    UnsupportedError,
    UsageError,
    termerror,
    termlog,
    termwarn,
)

__all__ = [
    "AuthenticationError",
    "CommError",
    "ConfigError",
    "Error",
    "UnsupportedError",
    "UsageError",
    "termerror",
    "termlog",
    "termwarn",
]
