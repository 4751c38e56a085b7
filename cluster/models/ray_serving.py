"""Serves a registered model by Ray Serve on a cluster that is up, with the contract of MLflow's scoring server."""

from __future__ import annotations

import io
import logging
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from cluster.models.serving import HERE
from search_spaces.types.error_text import first_line
from tracking.ui.server import LEAN, free_port

LACKING: Final = "Ray Serve is not installed: pip install 'paceline[serve]', here and on the cluster's nodes"
NAME: Final = "paceline-champion"
"""Name of the application in Ray Serve."""
MOST_BYTES: Final = 4 * 2**30
"""Largest model that is sent through Ray's object store, which has 30 % of a node's memory."""
CLIENTS: Final = ("ray://", "http://", "https://")
"""Addresses from which no node can be asked: of Ray's client and of its job server."""

ANSWER_S: Final = 10.0
"""Seconds in which a cluster answers at its address."""
START: Final = (
    "start one with `ray start --head`, set RAY_ADDRESS=HOST:6379, or leave --ray out for MLflow's scoring server"
)


class NoCluster(Exception):
    """Error: the model cannot be served by Ray Serve as asked; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Replicas:
    """How many replicas serve the model, each with one CPU, and where they are asked."""

    num: int
    port: int
    host: str


@contextmanager
def served_by_ray(files: Path, replicas: Replicas) -> Iterator[str]:
    """Serve the MLflow model in the folder ``files`` for the block; yields the server's URL on this node.

    Every node with a replica listens at the port, the next free one where it is taken here. Raises NoCluster
    without Ray Serve or a cluster, where the cluster serves something already, has too few CPUs or the model is too
    large, OSError and RuntimeError where the deployment fails.
    """
    if find_spec("grpc_reflection") is None:  # the only package of ray[serve] that nothing else of Paceline brings
        raise NoCluster(LACKING)
    sent = packed(files)
    with _connected():
        from ray import serve

        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        _check_free(replicas)
        port = free_port(replicas.port)
        try:
            serve.start(
                http_options={"host": replicas.host, "port": port, "request_timeout_s": None},
                logging_config={"log_level": "ERROR"},
            )
            serve.run(_application(sent, replicas.num), name=NAME)
            shown = "127.0.0.1" if replicas.host in ("0.0.0.0", *HERE) else replicas.host
            yield f"http://{shown}:{port}"
        finally:
            _end()


def packed(files: Path) -> bytes:
    """Return the folder as a tar file, for nodes that do not see it. Raises NoCluster for a model of over 4 GiB."""
    num_bytes = sum(file.stat().st_size for file in files.rglob("*") if file.is_file())
    if num_bytes > MOST_BYTES:
        raise NoCluster(f"the model has {num_bytes / 2**30:.1f} GiB, and 4 are sent to replicas: leave --ray out")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(files, arcname=".")
    return out.getvalue()


@contextmanager
def _connected() -> Iterator[None]:
    """Be connected with the running cluster for the block, or with the Ray of this process where it has one."""
    import ray

    from cluster.ray_internals.local_ray import own_sigterm  # 20 ms

    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS", "auto")
    if address.startswith(CLIENTS):
        raise NoCluster(
            f"RAY_ADDRESS={address}: --ray runs on a node of the cluster, with the address of its GCS, HOST:6379"
        )
    if not _answers(address):
        raise NoCluster(f"no Ray cluster answers at RAY_ADDRESS={address} within {ANSWER_S:g} s: {START}")
    try:
        with own_sigterm():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise NoCluster(f"no Ray cluster can be reached from here ({first_line(error)}): {START}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _answers(address: str) -> bool:
    """Return whether a server of gRPC is at HOST:PORT. ``ray.init`` waits for minutes where there is none.

    True for other addresses, and where the cluster speaks TLS, which Ray itself must find out.
    """
    if not re.search(r":\d+$", address) or os.environ.get("RAY_USE_TLS", "0") != "0":
        return True
    import grpc  # type: ignore[import-untyped] # 100 ms

    channel = grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
    try:
        grpc.channel_ready_future(channel).result(ANSWER_S)
    except grpc.FutureTimeoutError:
        return False
    finally:
        channel.close()
    return True


def _check_free(replicas: Replicas) -> None:
    """Raise NoCluster where Ray Serve runs already, or the replicas do not fit on the cluster."""
    import ray
    from ray import serve

    found = serve.status()
    if found.proxies or found.applications:
        raise NoCluster(
            f"Ray Serve runs on this cluster already ({', '.join(found.applications) or 'without applications'}), "
            "with its own port: `serve status` shows it, `serve shutdown -y` ends it"
        )
    num_cpus = int(ray.cluster_resources().get("CPU", 0))  # type: ignore[no-untyped-call] # Ray's
    if replicas.num > num_cpus:
        raise NoCluster(f"--replicas {replicas.num}: each needs a CPU, and the cluster has {num_cpus}")


def _end() -> None:
    """End the deployment, and Ray Serve with it, unless others have deployed something since."""
    from ray import serve

    if set(serve.status().applications) - {NAME}:
        serve.delete(NAME)
    else:
        serve.shutdown()  # type: ignore[no-untyped-call] # Ray's


def _application(sent: bytes, num_replicas: int) -> Any:
    """Return Ray Serve's application whose replicas load the model that was sent."""
    import ray
    from ray import serve

    deployed = serve.deployment(
        name="champion",
        num_replicas=num_replicas,
        ray_actor_options={"num_cpus": 1, "runtime_env": {"env_vars": _variables()}},
    )(serve.ingress()(Champion))
    return deployed.bind([ray.put(sent)])


def _variables() -> Mapping[str, str]:
    """Return the environment variables of a replica."""
    return {**LEAN, "PYTHONSAFEPATH": "1"}


class Champion:
    """A replica: MLflow's scoring server for the model, in a process of Ray."""

    def __init__(self, sent: list[Any]) -> None:
        """Unpack and load the model; ``sent`` has the one reference to its tar file."""
        import ray

        folder = mkdtemp(prefix="paceline-model-")
        with tarfile.open(fileobj=io.BytesIO(ray.get(sent[0]))) as tar:
            tar.extractall(folder, filter="data")
        from mlflow.pyfunc import load_model

        self.model = load_model(folder)

    def __serve_build_asgi_app__(self) -> Any:
        """Return MLflow's own application, with /ping and /invocations."""
        from mlflow.pyfunc.scoring_server import init

        return init(self.model)
