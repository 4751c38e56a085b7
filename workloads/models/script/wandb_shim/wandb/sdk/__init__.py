"""Names that integrations of other libraries take from ``wandb.sdk``."""

from __future__ import annotations

from ..run_config import Config
from ..runs import Run, Settings

__all__ = ["Config", "Run", "Settings"]
