"""Imports modules, then runs a Ray worker: ``python -m ...warm_worker MODULE,MODULE worker.py ARGUMENTS``.

Ray starts it as ``py_executable``, so that an idle worker has its modules imported already.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from cluster.ray_internals.imports import import_ahead
from search_spaces.types.module_path import working_folder_last


def main() -> None:
    """Import the modules of ``argv[1]``, then run the worker's script ``argv[2]`` with the other arguments."""
    names, script = sys.argv[1:3]
    working_folder_last()  # for a workload of the user's own
    import_ahead(names.split(","))
    del sys.argv[:2]
    sys.path.insert(0, str(Path(script).parent))  # as for a script
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
