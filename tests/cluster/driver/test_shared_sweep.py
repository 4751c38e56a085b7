"""A sweep whose stores are all elsewhere: study in PostgreSQL, MLflow on PostgreSQL and S3, weights in S3."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest

from search_spaces.study.contract import Record
from search_spaces.study.postgres import names
from search_spaces.study.study import Study
from tests.helpers.commands import STATE_NAMES, Folder
from tests.helpers.object_store import SECRET
from tests.helpers.postgres import PASSWORD, Postgres
from tests.helpers.small_sweep_in_mlflow import runs_of
from tests.helpers.sweep_here import Here
from tests.helpers.waiting import wait_until
from tracking.ui import server as ui

pytestmark = pytest.mark.slow

SPEC = """
name: everywhere
workload: tests.helpers.misbehaving_workload:CHAOS
data: {name: wine}
epochs: 4
trials: 6
cohort: 1
max_concurrent: 2
parameters:
  lr: {min: 1e-3, max: 3e-2, log: true}
  nap_s: 0.02
final: {top: 1, seeds: 2}
"""


@pytest.fixture
def environment(pg: Postgres, s3: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """Everything that leads to the stores, with an MLflow server among them; Ray writes below the last one."""
    ray = tempfile.mkdtemp(prefix="ray")  # pytest's own folder is too long a path for a socket
    study, runs = pg.create("everywhere"), pg.create("everywhere_mlflow")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**s3, "MLFLOW_ARTIFACTS_DESTINATION": "s3://weights/mlflow"}.items():
            patch.setenv(name, value)
        server = ui.serve(runs, 0, tmp_path / "server.log")
        stores = {"PACELINE_STUDY": study, "PACELINE_CHECKPOINTS": "s3://weights/checkpoints"}
        yield {**s3, **stores, "MLFLOW_TRACKING_URI": server.url, "RAY_TMPDIR": ray}
        server.stop()
    shutil.rmtree(ray)


def states(url: str, sweep_id: str) -> list[str]:
    """What Optuna's own reader finds in the database."""
    return [trial.state.name for trial in optuna.load_study(study_name=sweep_id, storage=url).get_trials()]


@contextmanager
def driving(folder: Folder, *overrides: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A driver that is killed at the end of the block."""
    driver = folder.start("run", "sweep.yaml", *overrides, **environment)
    try:
        yield driver
    finally:
        driver.kill()
        driver.communicate()


def has_ended(records: Sequence[Record]) -> bool:
    """Some trials have ended, others run."""
    return {None} < {record.outcome for record in records}


def is_told(records: Sequence[Record]) -> bool:
    """A trial that runs has told of an epoch."""
    return any(record.outcome is None and record.values for record in records)


def in_mid_search(
    driver: subprocess.Popen[str], url: str, reached: Callable[[Sequence[Record]], bool] = has_ended
) -> str:
    """Waits until that is so; returns the sweep's ID."""

    def there() -> str | None:
        assert driver.poll() is None, driver.communicate()
        every = {name: Study(name, "maximize", url, writing=False).records() for name in names(url)}
        return next((name for name, records in every.items() if reached(records)), None)

    found = wait_until(there, "the sweep gets there")
    assert found is not None
    return found


def objects(s3: dict[str, str]) -> dict[str, bytes]:
    """Everything in the bucket."""
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3["AWS_ENDPOINT_URL"], aws_access_key_id="tester", aws_secret_access_key=SECRET
    )
    found = client.list_objects_v2(Bucket="weights").get("Contents", [])
    return {one["Key"]: client.get_object(Bucket="weights", Key=one["Key"])["Body"].read() for one in found}


@pytest.mark.soak  # in the short form a later attempt ends an earlier driver, from the same stores
def test_a_sweep_outlives_its_driver_and_its_home(
    pg: Postgres, s3: dict[str, str], environment: dict[str, str], tmp_path: Path
) -> None:
    url, here = environment["PACELINE_STUDY"], tmp_path / "here"
    here.mkdir()
    folder = Folder(here)
    folder.write(SPEC)
    with driving(folder, **environment) as driver:
        sweep_id = in_mid_search(driver, url)
    before = Study(sweep_id, "maximize", url, writing=False)
    assert len(sweep_id) == 8 and before.facts()["phase"] == "search"
    spec = (here / ".paceline" / sweep_id / "sweep.yaml").read_text()
    assert "study: postgresql+psycopg://sweeper@" in spec and "checkpoints: s3://weights/checkpoints" in spec

    shutil.rmtree(here / ".paceline")
    done = folder.paceline("resume", sweep_id, "--json", **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["state"] == "finished" and document["verdict"]["winner"]["seeds"] == 2
    trials = document["trials"]
    assert [trial["number"] for trial in trials] == list(range(6))
    assert [STATE_NAMES[trial["state"]] for trial in trials] == states(url, sweep_id)
    for old in before.records():
        if old.outcome:
            assert trials[old.number]["epochs"] == max(old.values), "what had ended was not trained again"

    runs = runs_of(environment["MLFLOW_TRACKING_URI"], sweep_id)
    assert {f"t{number:04d}" for number in range(6)} <= set(runs)
    assert all(len(twins) == 1 for twins in runs.values())
    assert {run.info.status for [run] in runs.values()} <= {"FINISHED", "FAILED"}
    stored = objects(s3)
    weights = [key for key in stored if key.startswith(f"checkpoints/{sweep_id}/")]
    champion = f"checkpoints/{sweep_id}/t{document['verdict']['winner']['number']:04d}-s"
    assert any(key.startswith(champion) for key in weights)
    assert any(key.startswith("mlflow/") and key.endswith("leaderboard.json") for key in stored)
    assert f"checkpoints/{sweep_id}/stop" not in stored

    pg.dump("everywhere", tmp_path / "study.sql")
    pg.dump("everywhere_mlflow", tmp_path / "mlflow.sql")
    assert len((tmp_path / "study.sql").read_bytes()) > 10_000
    (tmp_path / "printed.txt").write_text(done.stdout + done.stderr + str(document))
    for place in (tmp_path, Path(environment["RAY_TMPDIR"])):
        for file in place.rglob("*"):
            if file.is_file():
                assert_clean(file.read_bytes(), str(file))
    for key, content in stored.items():
        assert_clean(content, key)


def assert_clean(content: bytes, where: str) -> None:
    for secret in (PASSWORD, SECRET):
        assert secret.encode() not in content, f"{where} holds a password"


@pytest.mark.parametrize("moment", [pytest.param("between legs", marks=pytest.mark.soak), "in a leg"])
def test_a_later_attempt_ends_the_driver_before_it(moment: str, pg: Postgres, tmp_path: Path) -> None:
    """In a leg the driver learns of it while it takes a report, and Ray Tune stands between it and the command."""
    folder = Folder(tmp_path)
    folder.write(SPEC)
    url = pg.create("attempts_" + moment.replace(" ", "_"))
    one_long = ("early_terminate=none", "epochs=2000", "max_concurrent=1") if moment == "in a leg" else ()
    with driving(folder, *one_long, PACELINE_STUDY=url) as driver:
        sweep_id = in_mid_search(driver, url, is_told if one_long else has_ended)
        later = Study(sweep_id, "maximize", url, attempt=2)
        held = later.records()
        out, err = driver.communicate(timeout=120)
    assert driver.returncode == 1 and "Traceback" not in err
    assert f"attempt 2 drives sweep {sweep_id} now: attempt 1 ends" in err, out + err
    assert Study(sweep_id, "maximize", url, writing=False).records() == held
    later.close()


def test_refusals_leave_nothing(pg: Postgres, s3: dict[str, str], tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SPEC)
    url = pg.create("refusals")
    stores = {**s3, "PACELINE_STUDY": url, "PACELINE_CHECKPOINTS": "s3://weights/refused"}
    wrong = {
        "the right password into PGPASSWORD": {"PACELINE_STUDY": pg.url(password="wr0ng-password")},
        "create the bucket": {"PACELINE_CHECKPOINTS": "s3://no-such-bucket/x"},
    }
    for remedy, change in wrong.items():
        done = folder.paceline("run", "sweep.yaml", **{**stores, **change})
        assert done.returncode == 2 and remedy in done.stderr, (remedy, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) == 1
        assert "wr0ng" not in done.stdout + done.stderr
        assert_clean((done.stdout + done.stderr).encode(), remedy)
        assert not (tmp_path / ".paceline").exists()
    assert names(url) == []
