"""The error of a changed configuration, under the name that W&B has for its module."""

from __future__ import annotations

from ...messages import ConfigError

__all__ = ["ConfigError"]
