"""Names that integrations of other libraries take from ``wandb.sdk.lib``."""

from __future__ import annotations


class RunDisabled:
    """The kind of run that W&B once returned where it was switched off; never returned here."""


__all__ = ["RunDisabled"]
