"""The preStop hook of Ray's pods: before Kubernetes removes a pod, sweeps save and stop, or leave the node.

`python -m cluster.pre_stop head` stops the jobs of this head and waits until their drivers have saved and ended.
`python -m cluster.pre_stop worker` drains this Ray node and waits until no actor is left on it.
Both give up after ``PATIENCE_S`` seconds, less than the pod's terminationGracePeriodSeconds.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

from cluster.doctor.proxies import reach_this_machine_directly

PATIENCE_S = 75.0
POLL_S = 1.0
DASHBOARD = "http://127.0.0.1:8265"


def main(arguments: list[str]) -> int:
    """Run the hook of role ``head`` or ``worker``; return 0, 1 when it gave up, 2 for other arguments."""
    reach_this_machine_directly()
    if arguments == ["head"]:
        return 0 if leave_head(DASHBOARD, PATIENCE_S) else 1
    if arguments == ["worker"]:
        address = os.environ["RAY_ADDRESS"]
        node_id = own_node_id(address)
        return 0 if node_id is None or leave_worker(address, node_id, PATIENCE_S) else 1
    print("usage: python -m cluster.pre_stop head|worker", file=sys.stderr)
    return 2


def leave_head(dashboard: str, patience_s: float) -> bool:
    """Ask every unfinished job of the cluster to stop; return whether all ended within ``patience_s`` seconds."""
    from ray.job_submission import JobSubmissionClient

    client = JobSubmissionClient(dashboard)

    def unfinished() -> list[str]:
        return [
            job.submission_id for job in client.list_jobs() if job.submission_id and not job.status.is_terminal()
        ]

    for job in unfinished():
        client.stop_job(job)
    return _await(lambda: not unfinished(), patience_s)


def leave_worker(address: str, node_id: str, patience_s: float) -> bool:
    """Drain the node, so that Ray places nothing new on it.

    Returns whether all actors on it ended within ``patience_s`` seconds.
    """
    from ray.util.state import list_actors

    drain = [
        sys.executable,
        "-P",
        "-m",
        "ray.scripts.scripts",
        "drain-node",
        f"--address={address}",
        f"--node-id={node_id}",
    ]
    drain += ["--reason=DRAIN_NODE_REASON_PREEMPTION", "--reason-message=the pod is being taken away"]
    subprocess.run([*drain, f"--deadline-remaining-seconds={int(patience_s)}"], check=True)
    here: list[tuple[str, str, str | bool | int | float]] = [("node_id", "=", node_id), ("state", "=", "ALIVE")]
    return _await(lambda: not list_actors(address=address, filters=here), patience_s)


def own_node_id(address: str) -> str | None:
    """Return the ID of the live Ray node with this host's address; None when Ray has none any more."""
    from ray.util.state import list_nodes

    own = socket.gethostbyname(socket.gethostname())
    nodes = list_nodes(address=address, filters=[("node_ip", "=", own), ("state", "=", "ALIVE")])
    return nodes[0].node_id if nodes else None


def _await(happened: Callable[[], bool], patience_s: float) -> bool:
    ending = time.monotonic() + patience_s
    while not happened():
        if time.monotonic() > ending:
            return False
        time.sleep(POLL_S)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
