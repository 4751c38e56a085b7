"""The old name of ``workloads.models.custom.run``, from which users' functions import ``Run``."""

from workloads.models.custom.run import Run

__all__ = ["Run"]
