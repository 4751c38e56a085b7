"""Old name of ``cluster.pre_stop``: manifests applied before 0.2 start it in their preStop hooks."""

from __future__ import annotations

import sys

from cluster.pre_stop import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
