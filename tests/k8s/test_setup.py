"""The stores as the manifests start them, on this machine: real PostgreSQL, MLflow's real server, moto's S3."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.ports import free_ports
from tests.helpers.postgres import PASSWORD, USER, Postgres
from tests.k8s.render import K8S, Manifest, kustomize, named, secrets

pytestmark = pytest.mark.slow

PATIENCE_S = 90


@dataclass(frozen=True)
class Stores:
    """What the manifests say, with the addresses of this machine in place of the services'."""

    objects: list[Manifest]
    addresses: dict[str, str]
    folder: Path

    def here(self, text: str) -> str:
        for service, address in self.addresses.items():
            text = text.replace(service, address)
        return text

    def secret(self, name: str, key: str) -> str:
        return str(named(self.objects, "Secret", name)["stringData"][key])

    def environment(self, container: Manifest) -> dict[str, str]:
        """What Kubernetes would give the container."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            found |= named(self.objects, "ConfigMap", source["configMapRef"]["name"])["data"]
        for entry in container.get("env", []):
            reference = entry.get("valueFrom", {}).get("secretKeyRef")
            found[entry["name"]] = self.secret(**reference) if reference else entry["value"]
        found |= {"HOME": str(self.folder), "MLFLOW_AUTH_CONFIG_PATH": str(self.folder / "auth.ini")}
        return {"PATH": os.environ["PATH"]} | {name: self.here(value) for name, value in found.items()}

    def command(self, container: Manifest) -> list[str]:
        """The container's command as it runs here."""
        program, *arguments = container["command"]
        script = {"/etc/setup/setup.py": str(K8S / "base" / "setup.py")}
        if program == "mlflow":
            arguments = ["-m", "mlflow", *arguments]
        return [sys.executable, *(self.here(script.get(word, word)) for word in arguments)]

    def run(self, container: Manifest) -> subprocess.CompletedProcess[str]:
        environment = self.environment(container)
        return subprocess.run(self.command(container), env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def stores(pg: Postgres, s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Stores:
    """PostgreSQL with its init script run, and an object store without our bucket."""
    folder = tmp_path_factory.mktemp("stores")
    (port,) = free_ports(1)
    addresses = {
        "@postgres:5432": f"@127.0.0.1:{pg.port}",
        "http://s3:7070": s3["AWS_ENDPOINT_URL"],
        "http://mlflow:5000": f"http://127.0.0.1:{port}",
        "--port=5000": f"--port={port}",
        "--host=0.0.0.0": "--host=127.0.0.1",
    }
    made = Stores(kustomize(K8S / "overlays" / "laptop") + secrets(), addresses, folder)
    config = named(made.objects, "ConfigMap", "mlflow-auth")["data"]["auth.ini"]
    (folder / "auth.ini").write_text(made.here(config))
    _run_init_script(made, pg)
    return made


def _run_init_script(stores: Stores, server: Postgres) -> None:
    script = named(stores.objects, "ConfigMap", "postgres-init")["data"]["databases.sh"]
    login = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGPASSWORD": PASSWORD, "POSTGRES_USER": USER}
    passwords = {f"{name.upper()}_PASSWORD": stores.secret("postgres", name) for name in ("mlflow", "paceline")}
    done = subprocess.run(
        ["bash", "-c", script], env=os.environ | login | passwords, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def url(stores: Stores) -> Iterator[str]:
    """MLflow's server behind its init container."""
    pod = named(stores.objects, "Deployment", "mlflow")["spec"]["template"]["spec"]
    upgraded = stores.run(pod["initContainers"][0])
    assert upgraded.returncode == 0, upgraded.stderr
    (container,) = pod["containers"]
    with (stores.folder / "mlflow.log").open("wb") as log:
        environment = stores.environment(container)
        server = subprocess.Popen(
            stores.command(container),
            env=environment,
            stdout=log,
            stderr=log,
            cwd=stores.folder,
            start_new_session=True,
        )
        try:
            url = stores.addresses["http://mlflow:5000"]
            _await(f"{url}/health", server, stores.folder / "mlflow.log")
            yield url
        finally:
            os.killpg(server.pid, 15)
            server.wait(30)


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    ending = time.monotonic() + PATIENCE_S
    while status(url) != 200:
        assert server.poll() is None and time.monotonic() < ending, log.read_text()[-3000:]
        time.sleep(0.2)


def status(url: str, login: tuple[str, str] | None = None, **request: Any) -> int:
    """The answer's code; 0 where nobody answers."""
    headers = dict(request.pop("headers", {}))
    if login is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers, **request), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError:
        return 0


def test_mlflow_lets_in_whom_it_should_and_keeps_artifacts_in_the_bucket(stores: Stores, url: str) -> None:
    setup = named(stores.objects, "Job", "setup")["spec"]["template"]["spec"]["containers"][0]
    for _ in range(2):  # the second time there is nothing to do
        done = stores.run(setup)
        assert done.returncode == 0, done.stderr
    sweeps = (stores.secret("mlflow-sweeps", "username"), stores.secret("mlflow-sweeps", "password"))
    asked = f"{url}/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert status(asked) == 401 and status(asked, ("paceline", "guess")) == 401
    assert status(asked, sweeps) == 200
    assert status(asked, sweeps, headers={"Host": "mlflow:5000"}) == 200
    assert status(asked, sweeps, headers={"Host": "evil.example"}) == 403
    user = {"headers": {"Content-Type": "application/json"}, "method": "POST"}
    body = b'{"username": "eve", "password": "correct-horse-battery"}'
    assert status(f"{url}/api/2.0/mlflow/users/create", sweeps, data=body, **user) == 403
    assert status(f"{url}/api/2.0/mlflow/experiments/create", sweeps, data=b'{"name": "digits"}', **user) == 200
    artifact = f"{url}/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/note.txt"
    assert status(artifact, sweeps, data=b"kept", method="PUT") == 200
    assert _object(stores, "mlflow/1/run/artifacts/note.txt") == b"kept"


def _object(stores: Stores, key: str) -> bytes:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=stores.addresses["http://s3:7070"],
        aws_access_key_id=stores.secret("s3", "access_key_id"),
        aws_secret_access_key=stores.secret("s3", "secret_access_key"),
        region_name="us-east-1",
    )
    return bytes(client.get_object(Bucket="paceline", Key=key)["Body"].read())


def test_each_role_sees_its_own_databases_alone(stores: Stores, pg: Postgres) -> None:
    import psycopg

    def connect(role: str, database: str) -> None:
        password = stores.secret("postgres", role)
        login = {"host": "127.0.0.1", "port": pg.port, "user": role, "password": password}
        psycopg.connect(dbname=database, **login).close()

    connect("paceline", "paceline")
    connect("mlflow", "mlflow_auth")
    for role, database in (("paceline", "mlflow"), ("paceline", "mlflow_auth"), ("mlflow", "paceline")):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            connect(role, database)
