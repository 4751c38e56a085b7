"""Starts a Ray worker with its modules imported: ``python -m workloads.warm MODULE,MODULE default_worker.py ...``.

This is what Ray starts as ``py_executable``: a process that waits for work has its imports behind it then.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from workloads.importing import import_ahead


def main() -> None:
    """Import, then become what Ray wanted to start."""
    names, script = sys.argv[1:3]
    import_ahead(names.split(","))
    del sys.argv[:2]
    sys.path[0] = str(Path(script).parent)  # as for a script
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
