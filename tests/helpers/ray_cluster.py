"""Starts a real Ray cluster on this machine, with job server and token; head and nodes are groups of processes."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from cluster.targets.contract import TargetError
from cluster.targets.ray_jobs import head
from tests.helpers.commands import Folder, clean_environment
from tests.helpers.ports import free_ports
from tests.helpers.sweep_here import Here

START_S = 300.0
"""Longest wait for nodes; ``ray start`` itself gives up after 30 s without an answer, and is repeated."""
HEALTH_CHECKS = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_num_workers_soft_limit": "32",
}
"""Settings of k8s/: a node that is gone is noticed after 11 s instead of 62, and spare workers are kept."""


@dataclass
class RayCluster:
    """A Ray cluster. After ``kill``, ``start`` starts a new head with the same address and token, and no state."""

    folder: Path
    """Folder that all nodes share: the sweeps' homes and MLflow's store."""
    cpus: int = 2
    token: str = field(default_factory=lambda: secrets.token_hex(32))

    def __post_init__(self) -> None:
        self._temp = Path(tempfile.mkdtemp(prefix="pl", dir="/tmp"))  # sockets' paths must be short
        self._ports = free_ports(5)
        self._num_added = 0
        self._blind_to: Path | None = None
        self.gcs_address = ""
        """Host and port at which nodes join, once it has started."""
        self._nodes: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._ports[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that a user sets to submit."""
        return {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            "PACELINE_HOME": str(self.folder / ".paceline"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}",
        }

    def start(self, alone: bool = False) -> None:
        """Start the head and, unless ``alone``, one more node; returns when Ray knows them."""
        self._start_head()
        [node] = self.await_nodes(1).nodes
        ip = next(name for name in node if name.startswith("node:") and "Head" not in name).removeprefix("node:")
        self.gcs_address = f"{ip}:{self._ports[0]}"
        if not alone:
            self.add_node()
            self.await_nodes(2)

    def _start_head(self) -> None:
        gcs, dashboard, client, agent, grpc = self._ports[:5]
        self._spawn(
            "--head", f"--port={gcs}", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}",
            f"--ray-client-server-port={client}", f"--temp-dir={self._temp}/h",
            f"--dashboard-agent-listen-port={agent}", f"--dashboard-agent-grpc-port={grpc}",
        )  # fmt: skip

    def add_node(self, blind_to: Path | None = None) -> None:
        """Start one more node without waiting for it. Instead of the folder ``blind_to`` it sees an empty one."""
        self._num_added += 1
        self._blind_to = blind_to
        agent, grpc = free_ports(2)
        self._spawn(
            f"--address={self.gcs_address}", f"--temp-dir={self._temp}/n{self._num_added}",
            f"--dashboard-agent-listen-port={agent}", f"--dashboard-agent-grpc-port={grpc}", blind_to=blind_to,
        )  # fmt: skip

    def processes(self) -> list[psutil.Process]:
        """Return the processes of all nodes."""
        return [process for node in self._nodes for process in _children(node.pid)]

    def further(self) -> list[tuple[int, list[psutil.Process]]]:
        """Return number and processes of every node but the head."""
        return [(k, [psutil.Process(n.pid), *_children(n.pid)]) for k, n in enumerate(self._nodes) if k]

    def kill_node(self, number: int = -1) -> None:
        """Kill all processes of a node at once, as in a loss of power; by default of the newest node."""
        _kill(self._nodes.pop(number))

    def kill(self) -> None:
        """Kill all processes of all nodes."""
        for node in self._nodes:
            _kill(node)
        self._nodes.clear()

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._temp, ignore_errors=True)

    def _spawn(self, *words: str, blind_to: Path | None = None) -> None:
        binaries = Path(sys.executable).parent
        environment = {
            **clean_environment(),
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            "RAY_USAGE_STATS_ENABLED": "0",
            **HEALTH_CHECKS,
            "OMP_NUM_THREADS": "1",
        }
        sizes = [f"--num-cpus={self.cpus}", f"--object-store-memory={100 * 2**20}", "--block"]
        with (self._temp / "start.log").open("ab") as log:
            started = subprocess.Popen(
                [*_covering(blind_to), str(binaries / "ray"), "start", *words, *sizes],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._nodes.append(started)

    def await_nodes(self, num_nodes: int) -> head.Capacity:
        """Wait until Ray has ``num_nodes`` nodes; return the cluster's capacity."""
        deadline = time.monotonic() + START_S
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAY_AUTH_TOKEN", self.token)
            while True:
                try:
                    found = head.capacity(self.address)
                    if found is not None and len(found.nodes) >= num_nodes:
                        return found
                except TargetError:
                    pass
                assert time.monotonic() < deadline, (self._temp / "start.log").read_text()[-3000:]
                self._again_where_given_up()
                time.sleep(0.3)

    def _again_where_given_up(self) -> None:
        """Start the newest node again if its ``ray start`` has given up, as a service manager does."""
        if self._nodes[-1].poll() is None:
            return
        self._nodes.pop()  # its other processes have ended with it
        if self._nodes:
            self.add_node(self._blind_to)
        else:
            self._start_head()


def _covering(folder: Path | None) -> list[str]:
    """Return the beginning of a command that runs another with an empty file system in place of ``folder``."""
    if folder is None:
        return []
    own_mounts = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    return [*own_mounts, "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(folder)]


def _kill(node: subprocess.Popen[bytes]) -> None:
    children = _children(node.pid)
    node.kill()  # does nothing if the node has ended already
    for process in children:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    node.wait()


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@dataclass(frozen=True)
class Submitter(Folder):
    """A user's folder with the cluster's address and token in the environment."""

    cluster: RayCluster

    def on_cluster(self, *words: str, code: int = 0, **env: str) -> str:
        """Run ``paceline`` for the cluster; return its stdout, or stderr if ``code``, the exit code, is not 0."""
        done = self.paceline(*words, **{**self.cluster.environment, "PACELINE_TARGET": self.cluster.address, **env})
        assert done.returncode == code, f"{done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stderr if code else done.stdout

    def submitted(self, *words: str) -> str:
        """Submit ``sweep.yaml``; return the new sweep's ID."""
        return self.on_cluster("submit", "sweep.yaml", *words).split()[1]


class SubmitterHere(Here, Submitter):
    """A user whose commands run in this process; submitted sweeps run on the cluster."""


@contextmanager
def submitting(spec: str) -> Iterator[Submitter]:
    """Start a cluster of two nodes for the block; yields a user whose folder holds ``spec`` as sweep.yaml."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cluster = RayCluster(Path(folder))
        try:
            cluster.start()
            user = Submitter(Path(folder), cluster)
            user.write(spec)
            yield user
        finally:
            cluster.remove()
