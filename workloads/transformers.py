"""The old name of ``workloads.tables.transformers``, by which pipelines saved before 0.2 name their steps."""

from workloads.tables.transformers import *  # noqa: F403
