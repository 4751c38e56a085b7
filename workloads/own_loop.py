"""The old name of ``workloads.models.custom.loop``, from which users' functions import ``Run``."""

from workloads.models.custom.loop import Run

__all__ = ["Run"]
