"""The address of ``Run`` for people: the type of what their training functions get."""

from workloads.models.custom.run import Run

__all__ = ["Run"]
