"""Where a sweep's stores are: spec over environment, written down without passwords; checkpoints and mark in S3."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.doctor.stores import (
    StoresRefused,
    check_place,
    check_tracking,
    leave_marker,
    refuse_stores,
    sees_marker,
)
from cluster.sweep import shared_storage
from cluster.sweep.home import SweepHome
from cluster.sweep.restore import note_spec, rebuilt
from cluster.sweep.shared_storage import RemoteMark
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.study.study import Study
from search_spaces.types.faults import SpecError
from search_spaces.types.passwords import holds_password, masked, without_password
from tests.helpers.postgres import PASSWORD, Postgres
from workloads.legs import checkpoint
from workloads.registry import catalogue

SPEC = "workload: softmax\ndata: {name: wine}\nparameters: {lr: {min: 0.001, max: 0.1}}\n"
PLAIN = "postgresql+psycopg://me@db.example:5432/hpo"
SECRET = "postgresql+psycopg://me:hunter22@db.example:5432/hpo"


def parsed(more: str = "", base: Path | None = None, overrides: tuple[str, ...] = ()) -> Sweep:
    return parse_sweep(SPEC + more, "sweep.yaml", base or Path("/work"), overrides, catalogue=catalogue())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bucket(s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A URI of the test's own to write below."""
    import s3fs

    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    return f"s3://weights/{tmp_path.name}"


HOLDING = [
    (SECRET, PLAIN),
    ("https://me:hunter22@mlflow.example/x", "https://me@mlflow.example/x"),
    ("postgresql+psycopg://db/hpo?user=me&password=hunter22", "postgresql+psycopg://db/hpo?user=me"),
    ("s3://key:hunter22%2F@bucket/x", "s3://key@bucket/x"),
    ("postgresql://me:hunter22/with@sign@db/hpo", "postgresql://me@db/hpo"),
]


@pytest.mark.parametrize(("url", "plain"), HOLDING)
def test_passwords_are_found_masked_and_taken_out(url: str, plain: str) -> None:
    assert holds_password(url) and not holds_password(plain) and not holds_password(masked(url))
    assert "hunter22" not in masked(f"cannot connect to '{url}': refused") and "***" in masked(url)
    assert masked(f"cannot connect to '{url}': refused").endswith("': refused")
    assert without_password(url) == plain
    assert masked(plain) == without_password(plain) == plain


@pytest.mark.parametrize(
    "text", ["http://host:5000/a@b", "s3://bucket/x", "a: b@c", "file:///x:y@z", "12:30 @ noon"]
)
def test_what_is_no_password_stays(text: str) -> None:
    assert not holds_password(text) and masked(text) == text == without_password(text)


def test_the_environment_s_secrets_are_masked_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "k/e+y=1234")
    monkeypatch.setenv("PACELINE_STUDY", SECRET.replace("hunter22", "p%40ssw0rd"))
    assert masked("said k/e+y=1234 and p@ssw0rd and p%40ssw0rd") == "said *** and *** and ***"


PLACES = {
    f"storage: {{study: '{SECRET}'}}": ("sweep.yaml:4: storage.study: must not hold a password", "PACELINE_STUDY"),
    "tracking: {uri: 'https://me:hunter22@mlflow'}": ("tracking.uri: must not", "MLFLOW_TRACKING_PASSWORD"),
    "storage: {checkpoints: 's3://key:hunter22@bucket'}": ("storage.checkpoints: must not", "the environment"),
    f"description: 'see {SECRET}'": ("description: must not hold a password", "the environment"),
    f"storage: '{SECRET}'": ("storage: must", "group of keys"),
    f"storage: {{studdy: '{SECRET}'}}": ("storage.studdy: ", "did you mean 'study'"),
    "storage: {study: 'mysql://me@db/hpo'}": ("storage.study: must be postgresql+psycopg://", "journal file"),
}


@pytest.mark.parametrize("more", PLACES)
def test_a_spec_with_a_password_is_refused_by_place_and_does_not_show_it(more: str) -> None:
    with pytest.raises(SpecError) as raised:
        parsed(more + "\n")
    for part in PLACES[more]:
        assert part in str(raised.value)
    assert "hunter22" not in str(raised.value) + repr([str(fault) for fault in raised.value.faults])


def test_an_override_with_a_password_does_not_show_it() -> None:
    with pytest.raises(SpecError) as raised:
        parsed(overrides=(f"storage.study={SECRET}", f"{SECRET}", "x" * 80 + SECRET))
    assert "hunter" not in str(raised.value) and "must not hold a password" in str(raised.value)


def test_spec_over_environment_over_the_home(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = SweepHome.create(parsed())
    assert local.study == local.journal and local.checkpoints == str(local.path / "checkpoints")
    assert local.stop_mark == local.path / "stop" and len(local.id) == 4

    monkeypatch.setenv("PACELINE_HOME", str(here / "homes"))
    monkeypatch.setenv("PACELINE_STUDY", SECRET)
    monkeypatch.setenv("PACELINE_CHECKPOINTS", "shared/weights/")
    home = SweepHome.create(parsed())
    assert home.path == here / "homes" / home.id and len(home.id) == 8
    assert home.study == SECRET and home.checkpoints == f"{here}/shared/weights/{home.id}"
    assert home.stop_mark == Path(home.checkpoints) / "stop"
    assert "hunter22" not in home.spec.read_text() and PLAIN in home.spec.read_text()
    assert local.study == local.journal, "a sweep that began stays where it is"
    monkeypatch.setenv("PACELINE_STUDY", SECRET.replace("db.example", "other"))
    assert home.study == PLAIN, "libpq finds the password, or the refusal says where it belongs"

    named = SweepHome.create(parsed("storage: {study: 'postgresql://you@x/y', checkpoints: ck}\n", base=here))
    assert named.study == "postgresql://you@x/y" and named.checkpoints == f"{here}/ck/{named.id}"
    assert parse_sweep(named.spec.read_text(), "again", None, catalogue=catalogue()) == named.sweep()


def test_checkpoints_in_s3(bucket: str) -> None:
    root = f"{bucket}/abcd"
    assert checkpoint.found(root) == set()
    kept = [checkpoint.folder(root, key, epoch) for key, epoch in (("t0000-s0", 1), ("t0001-s0", 27))]
    for uri in kept:
        checkpoint.put(uri, checkpoint.WEIGHTS, b"weights")
    RemoteMark(f"{root}/stop").touch()
    assert checkpoint.found(root) == set(kept)
    checkpoint.delete(kept[0])
    checkpoint.delete(kept[0])
    assert checkpoint.found(root) == {kept[1]} and checkpoint.get(kept[1], checkpoint.WEIGHTS) == b"weights"
    assert not checkpoint.valid(kept[0]) and not checkpoint.valid(kept[1])


def test_a_mark_is_seen_from_elsewhere_and_asked_for_once_a_second(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(shared_storage.time, "monotonic", lambda: now[0])
    mine, theirs = (shared_storage.mark(f"{bucket}/stop") for _ in range(2))
    mine.unlink(missing_ok=True)
    assert not theirs.exists()
    mine.touch()
    assert mine.exists() and not theirs.exists()
    now[0] += 1.0
    assert theirs.exists()
    mine.unlink()
    now[0] += 1.0
    assert not theirs.exists()
    mine.unlink(missing_ok=True)


def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()


def test_places_that_cannot_be_written(bucket: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_place("checkpoints", bucket).state == "ok" == check_place("checkpoints", str(here)).state
    assert list(here.iterdir()) == [] and checkpoint.found(bucket) == set(), "and nothing is left"
    (here / "file").touch()
    for uri, remedy in {
        "s3://no-such-bucket/x": "create the bucket",
        "nosuch://x": "must be s3://BUCKET/PREFIX",
        str(here / "file" / "x"): "is a file",
    }.items():
        found = check_place("checkpoints", uri)
        assert found.state == "wrong" and remedy in found.remedy, found
    no_credentials(monkeypatch)
    found = check_place("checkpoints", bucket)
    assert found.state == "wrong" and "set AWS_ACCESS_KEY_ID" in found.remedy, found
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tester")
    monkeypatch.setattr("cluster.doctor.stores.LIMIT_S", 0.5)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    found = check_place("checkpoints", bucket)
    assert found.state == "wrong" and "AWS_ENDPOINT_URL" in found.remedy


def test_a_folder_that_only_one_machine_has(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = parsed()
    home = SweepHome.create(sweep)
    refuse_stores(home, sweep, print)
    with pytest.raises(StoresRefused, match="several take part; set PACELINE_CHECKPOINTS to s3://"):
        refuse_stores(home, sweep, print, num_machines=2)
    leave_marker(str(here), "one")
    assert sees_marker(str(here), "one") and not sees_marker(str(here / "elsewhere"), "one")
    assert not sees_marker(str(here), "two")


def test_mlflow_that_is_away_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    found = check_tracking("http://me:hunter22@127.0.0.1:9")
    assert found.state == "warning" and "hunter22" not in repr(found)


def test_a_home_is_rebuilt_from_its_study(pg: Postgres, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = pg.create("rebuilt")
    monkeypatch.setenv("PACELINE_STUDY", url)
    monkeypatch.setenv("PACELINE_CHECKPOINTS", "/elsewhere/ck")
    sweep = parsed("name: gone\n")
    home = SweepHome.create(sweep)
    study = Study(home.id, "maximize", home.study)
    note_spec(home, study, home.sweep())
    study.flush()
    study.close()
    spec = home.spec.read_text()
    home.remove()
    monkeypatch.delenv("PACELINE_CHECKPOINTS")

    Study(f"{home.id}/../../escaped", "maximize", url).close()
    assert rebuilt("zz") is None and rebuilt("last") is None
    assert rebuilt(home.id[:4], whole=True) is None
    again = rebuilt(home.id[:4])
    assert again == home and again.spec.read_text() == spec and PASSWORD not in spec
    assert again.checkpoints == f"/elsewhere/ck/{home.id}" and again.study == url
    monkeypatch.delenv("PACELINE_STUDY")
    assert rebuilt(home.id) is None


def test_a_study_that_is_away_is_told_and_the_other_sweeps_are_listed(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    near = SweepHome.create(parsed("name: near\n"))
    monkeypatch.setenv("PACELINE_STUDY", "postgresql+psycopg://me:hunter22@127.0.0.1:9/hpo")
    far = SweepHome.create(parsed("name: far\n"))
    assert main(["ls", "--json"]) == 0
    told = capsys.readouterr()
    assert {row["sweep"]: row["state"] for row in json.loads(told.out)}[far.id] == "unreachable"
    assert near.id in told.out and "start the database" in told.err
    assert main(["show", far.id]) == 1
    assert "hunter22" not in told.err + told.out + capsys.readouterr().err
