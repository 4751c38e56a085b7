"""What a Ray of our own starts as its node's agent: Ray's own, without the modules that nobody asks there.

They serve the dashboard, job submission and metrics, none of which such a Ray has, and take two thirds of the
time for which Ray's start waits on the agent. ``--minimal`` leaves out their servers, not their imports.
"""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """See the module; ``sys.argv`` is that of Ray's ``agent.py``."""
    found = importlib.util.find_spec("ray")
    assert found and found.origin, "it is Ray that starts this script"
    agent = Path(found.origin).parent / "dashboard" / "agent.py"
    sys.path[0] = str(agent.parent)  # as for a script; it held our own modules

    from ray.dashboard import utils

    vars(utils)["get_all_modules"] = _none
    runpy.run_path(str(agent), run_name="__main__")


def _none(kind: type[Any]) -> list[type[Any]]:
    return []


if __name__ == "__main__":
    main()
