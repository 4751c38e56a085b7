"""Two real Ray nodes with a token, in a process of their own: Ray reads once, at its start, how to authenticate.

`python -m tests.k8s.two_ray_nodes FOLDER` prints what was seen as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import ray
from ray._common.network_utils import find_free_port
from ray._private.state import state
from ray.cluster_utils import Cluster
from ray.job_submission import JobSubmissionClient

from cluster import pre_stop

PATIENCE_S = 60
DRIVER = """
import pathlib, signal, sys, time
told = pathlib.Path(sys.argv[1])
def save(*_):
    time.sleep(1)
    told.write_text("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
told.write_text("running")
time.sleep(120)
"""


def main(folder: Path) -> None:
    port, *agent_ports = (find_free_port() for _ in range(3))
    dashboard = f"http://127.0.0.1:{port}"
    head = {"num_cpus": 1, "include_dashboard": True, "dashboard_port": port}
    cluster = Cluster(initialize_head=True, head_node_args=head | {"dashboard_agent_listen_port": agent_ports[0]})
    worker = cluster.add_node(num_cpus=1, resources={"worker": 1}, dashboard_agent_listen_port=agent_ports[1])
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    try:
        agents = [_agent(node) for node in (cluster.head_node, worker)]
        seen = {
            "agents": [_status(f"{agent}/api/local_raylet_healthz") for agent in agents],
            "head": _head(dashboard, folder),
            "dashboard": {path: _status(dashboard + path) for path in ("/api/gcs_healthz", "/api/jobs/")},
            "worker": _worker(cluster.address, worker.node_id),
        }
    finally:
        ray.shutdown()
        cluster.shutdown()
    print(json.dumps(seen))


def _agent(node: Any) -> str:
    """Where the kubelet asks: the agent listens on the node's address alone, which is the pod's."""
    return f"http://{node.node_ip_address}:{node.dashboard_agent_listen_port}"


def _status(url: str) -> int:
    """The answer's code to one who brings no token, once there is an answer."""
    ending = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            if time.monotonic() > ending:
                raise
            time.sleep(0.2)


def _head(dashboard: str, folder: Path) -> dict[str, Any]:
    script, told = folder / "driver.py", folder / "told"
    script.write_text(DRIVER)
    client = JobSubmissionClient(dashboard)
    job = client.submit_job(entrypoint=f"{sys.executable} {script} {told}")
    ending = time.monotonic() + PATIENCE_S
    while not told.exists() and time.monotonic() < ending:
        time.sleep(0.1)
    left = pre_stop.leave_head(dashboard, 30)
    return {"left": left, "told": told.read_text(), "status": str(client.get_job_status(job))}


def _worker(address: str, node_id: str) -> dict[str, Any]:
    @ray.remote(resources={"worker": 1}, num_cpus=0)
    class Lane:
        def ready(self) -> bool:
            return True

    lane: Any = Lane.remote()
    assert ray.get(lane.ready.remote())
    held = pre_stop.leave_worker(address, node_id, 1.5)
    draining = node_id in state.get_draining_nodes()
    threading.Timer(1.5, ray.kill, (lane,)).start()
    return {"held": held, "draining": draining, "left": pre_stop.leave_worker(address, node_id, 30)}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
