"""The old name of ``workloads.champion.table_model``, the loader of champions registered before 0.2."""

from workloads.champion.table_model import *  # noqa: F403
from workloads.champion.table_model import _load_pyfunc as _load_pyfunc
