"""Callbacks of Keras, under the earlier name of their module."""

from __future__ import annotations

from .integration.keras import WandbCallback, WandbMetricsLogger, WandbModelCheckpoint

__all__ = ["WandbCallback", "WandbMetricsLogger", "WandbModelCheckpoint"]
