"""The script that a local Ray starts as its node's agent: it does nothing, and ends with the raylet.

Ray's own agent serves the dashboard, job submission and metrics, which a local Ray does not have. It costs 2 s of
CPU, and on a busy machine the raylet ended because its agent was late.
"""

import os
import time

LOOK_EVERY_S = 1.0


def main() -> None:
    """Wait until the raylet, the parent of this process, has ended: it ends itself when its agent does."""
    raylet = os.getppid()
    while os.getppid() == raylet:
        time.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    main()
