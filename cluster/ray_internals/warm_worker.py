"""Starts a Ray worker with modules imported: ``python -m ...warm_worker MODULE,MODULE worker.py ARGUMENTS``.

This is what Ray starts as ``py_executable``: a process that waits for work has its imports behind it then.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from cluster.ray_internals.imports import import_ahead


def main() -> None:
    """Import, then become what Ray wanted to start."""
    names, script = sys.argv[1:3]
    import_ahead(names.split(","))
    del sys.argv[:2]
    sys.path[0] = str(Path(script).parent)  # as for a script
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
