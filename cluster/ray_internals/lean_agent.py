"""What a Ray of our own starts as its node's agent: Ray's own, without the modules that nobody asks there.

They serve the dashboard, job submission and metrics, none of which such a Ray has, and take two thirds of the
time for which Ray's start waits on the agent. ``--minimal`` leaves out their servers, not their imports.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run Ray's agent without its dashboard modules; ``sys.argv`` is that of Ray's ``agent.py``."""
    own = str(Path(__file__).parent)
    sys.path[:] = [place for place in sys.path if place != own]  # a script's folder, whose names are not Ray's

    from ray.dashboard import utils

    vars(utils)["get_all_modules"] = lambda kind: []
    runpy.run_path(str(Path(utils.__file__).with_name("agent.py")), run_name="__main__")


if __name__ == "__main__":
    main()
