"""MLflow stores that tests share. MLflow is imported only by the tests that ask for one."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: tests run side by side on few cores

from search_spaces.types import module_path
from search_spaces.types.plain import VARIABLE
from tests.helpers.object_store import object_store
from tests.helpers.postgres import Postgres, postgres
from tests.helpers.small_sweep_in_mlflow import open_writer, write_trial
from tests.helpers.soak import (  # noqa: F401 - hooks
    pytest_collection_modifyitems,
    pytest_report_header,
    pytest_terminal_summary,
)
from tests.helpers.sweep_here import end_ray
from tracking.store.open import open_store
from tracking.ui.server import Server, serve

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # a shell's job in the background: its commands would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def no_shared_stores() -> Iterator[None]:
    """A sweep shares what its test says, whatever the environment names."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("STUDY", "CHECKPOINTS", "HOME", "ATTEMPT", "PLAIN"):
            patch.delenv(f"PACELINE_{name}", raising=False)
        yield


@pytest.fixture(autouse=True)
def modules_of_the_own_folder_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command makes this process look for modules in its working folder, and the next test has another one."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    module_path._own.set(None)
    module_path._newest.clear()
    module_path._own_packages.set(None)
    module_path._newest_packages.clear()


@pytest.fixture(autouse=True)
def store_of_the_own_test_alone() -> Iterator[None]:
    """``mlflow.set_tracking_uri`` sets the environment, too, and with it the default store of the tests after."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    yield
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    if before is not None:
        os.environ["MLFLOW_TRACKING_URI"] = before


@pytest.fixture(autouse=True, scope="session")
def ray_ends() -> Iterator[None]:
    """The Ray of sweeps in this process, where there was one."""
    yield
    end_ray()


@pytest.fixture(scope="session")
def pg() -> Iterator[Postgres]:
    """A real PostgreSQL."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """An S3 server with the bucket ``weights``, as the environment that leads to it."""
    with object_store("weights") as environment:
        yield environment


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Features of fixed networks are kept in a folder of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PACELINE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow store: its migrations run once for all tests."""
    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    open_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_uri(template: Path, tmp_path: Path) -> str:
    """An empty SQLite store of the test's own."""
    shutil.copy(template, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture(scope="session")
def server(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real MLflow server, shared: a test uses a sweep of its own."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(template, folder / "mlflow.db")
    server = serve(f"sqlite:///{folder / 'mlflow.db'}", 0, folder / "server.log")
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "http", "mlflow", "plain"])
def any_uri(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Our way into a SQLite file, a server, MLflow's way into one of an unknown schema, the plain way."""
    if request.param == "http":
        return str(request.getfixturevalue("server").url)
    if request.param == "mlflow":
        monkeypatch.setattr("tracking.store.sqlite.REVISIONS", set())
    if request.param == "plain":
        monkeypatch.setenv(VARIABLE, "1")
    return str(request.getfixturevalue("sqlite_uri"))


@pytest.fixture(scope="session")
def finished_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a finished sweep of six trials, one that still runs, and a final member."""
    folder = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    writer = open_writer(uri, folder / "spool")
    for number, state in enumerate(["done", "stopped", "failed", "done", "stopped", "done"]):
        write_trial(writer, number, epochs=number + 1, state=state)
    writer.trial("t0006", 6, "trial", {"lr": 0.5, "width": None, "seconds": 3, "optimizer": "sgd"})
    writer.trial("t0003-s1", 3, "final", {"lr": 0.5})
    assert writer.close(60)
    return uri
