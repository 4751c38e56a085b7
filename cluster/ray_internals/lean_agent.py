"""The script that a local Ray starts as its node's agent: Ray's own agent without the dashboard's modules.

These serve the dashboard, job submission and metrics, which a local Ray does not have, and take two thirds of the
time for which Ray's start waits for the agent. Ray's ``--minimal`` leaves out their servers, not their imports.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run Ray's agent without its dashboard modules; ``sys.argv`` is that of Ray's ``agent.py``."""
    own = str(Path(__file__).parent)
    sys.path[:] = [place for place in sys.path if place != own]  # Python put this script's folder there

    from ray.dashboard import utils

    vars(utils)["get_all_modules"] = lambda kind: []
    runpy.run_path(str(Path(utils.__file__).with_name("agent.py")), run_name="__main__")


if __name__ == "__main__":
    main()
