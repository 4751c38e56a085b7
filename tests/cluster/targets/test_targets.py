"""What is looked at before anything is sent: the target's text, the folder, the stores' names, the cluster."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import cast

import pytest
from ruamel.yaml import YAML

from cluster.cli.main import main
from cluster.doctor import reachability
from cluster.sweep.lane_count import LaneNeed, TooSmall, cluster_size
from cluster.targets import package, submitted
from cluster.targets.contract import SweepJob, Target, TargetError
from cluster.targets.local import LocalTarget
from cluster.targets.parse import parse_target
from cluster.targets.ray_jobs import head
from cluster.targets.ray_jobs.target import JobsTarget
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.types.driver_errors import Unreadable
from search_spaces.types.faults import SpecError
from tests.helpers.commands import Folder
from workloads.models.custom.hidden import hidden
from workloads.registry import catalogue

SPEC = """
workload: softmax
data: {name: wine}
trials: 8
final: none
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE", "PACELINE_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def sweep(*overrides: str) -> Sweep:
    return parse_sweep(SPEC, "sweep.yaml", Path.cwd(), overrides, catalogue=catalogue())


def test_the_text_of_a_target_makes_it_and_is_made_of_it() -> None:
    assert parse_target("local") == parse_target("") == LocalTarget()
    for text in ("http://head:8265", "https://ray.example.org/cluster", "ray://head:10001"):
        assert parse_target(text) == JobsTarget(text)
        assert str(parse_target(text)) == text
    assert str(parse_target("k8s:lab/sweeps")) == "k8s:lab/sweeps"


@pytest.mark.parametrize("text", ["head:8265", "http://", "ftp://head", "k8s:", "http://user:secret@head:8265"])
def test_another_text_is_refused_with_what_it_may_be(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sweep.yaml").write_text(SPEC)
    assert main(["submit", "sweep.yaml", "--on", text]) == 2
    told = capsys.readouterr().err
    assert "--on" in told and ("k8s:CONTEXT/NAMESPACE" in told or "RAY_AUTH_TOKEN" in told)
    assert "secret" not in told


def test_a_package_holds_the_folder_and_ours_and_nothing_that_is_excluded(folder: Path) -> None:
    kept = {"model.py": "x", "data/rows.csv": "1", "nested/deep/er.py": "y"}
    left = (".git/HEAD", ".venv/a.py", "mlflow.db", "a.ckpt", ".env", "scratch/big", "a/b.tmp", "__pycache__/m.pyc")
    for name, text in {**kept, **dict.fromkeys(left, "SECRET")}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / ".pacelineignore").write_text("# mine\n/scratch/\n*.tmp\n")
    (folder / "link").symlink_to(folder / "data")
    made = package.pack(folder, "image")
    assert set(made.files) == {*kept, ".pacelineignore"}
    assert made.notes == ("link is a link to a folder and does not travel",)
    assert set(package.pack(folder, "image", modules_only=True).files) == {"model.py", "nested/deep/er.py"}
    shipped = package.pack(folder, "ship").files
    assert {
        "cluster/job.py",
        "workloads/models/mlp.py",
        "search_spaces/spec/sweep.py",
        "tracking/results/table.py",
    } <= set(shipped)
    assert not any("__pycache__" in name for name in shipped)


def test_a_folder_that_is_too_large_names_its_largest_entries(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "LIMIT_BYTES", 2**20)
    (folder / "raw").mkdir()
    (folder / "raw" / "images.bin").write_bytes(b"0" * 2**20)
    (folder / "small.csv").write_text("1")
    (folder / "cluster").mkdir()
    for name in ("calendar.py", "numbers.py", "setup.py"):
        (folder / name).touch()
    (folder / package.IGNORE_FILE).write_text("numbers.py")
    with pytest.raises(SpecError) as refused:
        package.pack(folder, "ship")
    [large] = map(str, refused.value.faults)
    assert "raw/images.bin 1.0 MiB" in large and ".pacelineignore" in large
    with pytest.raises(SpecError) as refused:
        package.pack(folder, "image", modules_only=True)
    shadow, hiding = map(str, refused.value.faults)
    assert "in place of Paceline's package 'cluster'" in shadow
    assert "calendar.py: would be imported there by all in place of calendar, Python's own" in hiding


def test_files_named_like_others_travel_in_a_folder_of_their_own(folder: Path) -> None:
    (folder / "tracking").mkdir()
    (folder / "tracking" / "__init__.py").write_text("MINE = 1")
    (folder / "train.py").touch()
    made = package.pack(folder, "ship")
    assert made.below == "code/" and {"code/train.py", "cluster/job.py"} <= made.files.keys()
    assert made.files["code/tracking/__init__.py"] == b"MINE = 1" != made.files["tracking/__init__.py"]
    (folder / "tracking" / "__init__.py").unlink()
    (folder / "tracking").rmdir()
    assert package.pack(folder, "ship").below == ""


def test_a_project_is_handed_over_from_its_source_though_an_older_copy_is_installed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    for place, text in ((folder, "NEW = 1"), (site, "OLD = 1")):
        (place / "churn_of_a_test").mkdir(parents=True)
        (place / "churn_of_a_test" / "__init__.py").write_text(text)
        (place / "alone_of_a_test.py").write_text(text)
    monkeypatch.syspath_prepend(str(site))
    about = site / "churn_of_a_test-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: Churn.Of-a.Test\nVersion: 1.0\n")
    rows = "churn_of_a_test/__init__.py,,\nalone_of_a_test.py,,\nchurn_of_a_test-1.0.dist-info/RECORD,,\n"
    (about / "RECORD").write_text(rows)
    with pytest.raises(SpecError) as refused:
        package.pack(folder, "image", modules_only=True)
    assert [Path(fault.place).name for fault in refused.value.faults] == ["alone_of_a_test.py", "churn_of_a_test"]
    (folder / "pyproject.toml").write_text('[project]\nname = "another"\n')
    with pytest.raises(SpecError, match="in place of churn_of_a_test, an installed one"):
        package.pack(folder, "image", modules_only=True)
    assert package.pack(folder, "image").files["code/churn_of_a_test/__init__.py"] == b"NEW = 1"
    (folder / "pyproject.toml").write_text('[project]\nname = "churn-of-a-test"\n')
    assert package.pack(folder, "image").files["churn_of_a_test/__init__.py"] == b"NEW = 1"
    assert "install it anew, `pip install -e .`" in hidden("churn_of_a_test", folder)[0]
    (folder / "pyproject.toml").unlink()
    (about / "direct_url.json").write_text(json.dumps({"url": folder.resolve().as_uri(), "dir_info": {}}))
    assert package.pack(folder, "image").files["churn_of_a_test/__init__.py"] == b"NEW = 1"


def test_paths_of_what_travels_become_relative(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "rows.csv").write_text("a,b\n1,0\n2,1\n")
    outside = folder.parent / f"{folder.name}.csv"
    outside.write_text("a,b\n1,0\n2,1\n")
    for path, relative in ((folder / "in" / "rows.csv", "in/rows.csv"), (outside, None)):
        text = SPEC.replace("{name: wine}", f"{{csv: {path}, target: b}}")
        loaded = parse_sweep(text, "sweep.yaml", folder, catalogue=catalogue())
        told, staying = package.travelling_spec(loaded, folder)
        assert f"csv: {relative or path}" in told
        assert staying == ([] if relative else [str(path)])


def test_packages_of_the_folder_travel_with_it_also_that_of_the_folder_itself(folder: Path) -> None:
    (folder / "lib").mkdir(exist_ok=True)
    (folder / "train.py").write_text("")
    text = "program: train.py\nmetric: {name: score, goal: maximize}\nparameters: {lr: {min: 0.1, max: 1.0}}\n"
    loaded = parse_sweep(f"{text}pip: ['.', './lib[all]', torch]", "sweep.yaml", folder, catalogue=catalogue())
    assert not list(package.unsent_packages(loaded, folder, modules_only=False))
    told, _ = package.travelling_spec(loaded, folder)
    assert YAML(typ="safe", pure=True).load(told)["pip"] == ["./.", "./lib[all]", "torch"]


@pytest.mark.parametrize(
    ("given", "overrides", "place"),
    [
        ({"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}, (), "MLFLOW_TRACKING_URI"),
        ({"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"}, (), "MLFLOW_TRACKING_URI"),
        ({}, ("tracking.uri=http://localhost:5000",), "tracking.uri"),
        ({"PACELINE_HOME": "sweeps"}, (), "PACELINE_HOME"),
    ],
)
def test_a_place_that_only_this_machine_sees_is_refused(
    given: dict[str, str], overrides: tuple[str, ...], place: str
) -> None:
    (fault,) = reachability.unseen(sweep(*overrides), given, "http://head:8265")
    assert place in str(fault)
    assert not list(reachability.unseen(sweep(*overrides), given, "http://127.0.0.1:8265"))


def test_a_place_that_others_see_is_not_refused() -> None:
    given = {"PACELINE_HOME": "/shared/sweeps", "MLFLOW_TRACKING_URI": "sqlite:////shared/sweeps/mlflow.db"}
    assert not list(
        reachability.unseen(sweep("tracking.uri=https://mlflow.example.org"), given, "http://head:8265")
    )


def test_a_password_does_not_travel() -> None:
    given = {"PACELINE_STUDY": "postgresql+psycopg://me:secret@db/studies", "HOME": "/root"}
    with pytest.raises(SpecError) as refused:
        reachability.travelling(given)
    assert "PACELINE_STUDY" in str(refused.value) and "secret@" not in str(refused.value)
    assert reachability.travelling({"PACELINE_STUDY": "postgresql+psycopg://me@db/studies", "HOME": "/root"}) == {
        "PACELINE_STUDY": "postgresql+psycopg://me@db/studies"
    }


def test_the_token_is_looked_for_as_ray_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    (folder / ".ray").mkdir()
    (folder / ".ray" / "auth_token").write_text("own\n")
    assert head.token() is None
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert head.token() == "own"
    assert (folder / ".ray" / "auth_token").stat().st_mode & 0o777 == 0o600
    (folder / "named").write_text("named")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(folder / "named"))
    assert head.token() == "named"
    monkeypatch.setenv("RAY_AUTH_TOKEN", "given")
    assert head.auth_headers() == {"Authorization": "Bearer given"}
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(folder / "gone"))
    with pytest.raises(TargetError, match="gone cannot be read"):
        head.token()


def test_another_version_of_ray_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "get", lambda *_: {"ray_version": "2.44.1"})
    with pytest.raises(TargetError, match=r"runs Ray 2\.44\.1, and this Paceline needs Ray 2\.60"):
        head.check_version("http://head:8265")
    monkeypatch.setattr(head, "get", lambda *_: {"ray_version": "2.60.9"})
    assert head.check_version("http://head:8265") == "2.60.9"


@pytest.mark.parametrize(
    ("lane", "fits"),
    [
        (LaneNeed(cpus=4), True),
        (LaneNeed(cpus=5), False),
        (LaneNeed(gpus=1, workers=2), True),
        (LaneNeed(gpus=1, workers=3), False),
    ],
)
def test_a_lane_that_never_fits_is_refused_unless_the_cluster_grows(
    lane: LaneNeed, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = ({"CPU": 4.0, "GPU": 2.0}, {"CPU": 2.0})
    for grows in (False, True):
        monkeypatch.setattr(head, "capacity", lambda _, grows=grows: head.Capacity(nodes, grows))
        if fits or grows:
            head.check_capacity("http://head:8265", lane)
        else:
            with pytest.raises(TargetError, match=r"has 4 CPU, 2 GPU \+ 2 CPU, 0 GPU"):
                head.check_capacity("http://head:8265", lane)


def test_lanes_of_a_cluster() -> None:
    nodes = [{"CPU": 4.0}, {"CPU": 3.0}]
    assert cluster_size(sweep(), nodes).count == 7
    assert cluster_size(sweep("max_lanes=3"), nodes).count == 3
    assert cluster_size(sweep("resources.cpus=2"), nodes).count == 3
    assert cluster_size(sweep("trials=2"), nodes).count == 2
    with pytest.raises(TooSmall, match=r"5 CPU, 0 GPU, and the cluster has 4 CPU"):
        cluster_size(sweep("resources.cpus=5"), nodes)
    grown = {"CPU": 100.0, "GPU": 8.0}
    assert cluster_size(sweep("resources.gpus=1"), nodes, grown).count == 1
    assert cluster_size(sweep("resources.gpus=1", "max_lanes=6"), nodes, grown).count == 6
    with pytest.raises(TooSmall, match="can grow to 100 CPU, 8 GPU"):
        cluster_size(sweep("resources.gpus=9"), nodes, grown)


def test_submissions_are_remembered_beside_the_homes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate(("abcd1111", "abce2222")):
        entry = submitted.SubmittedSweep(
            id=name,
            target="http://head:8265",
            submission_id=f"paceline-{name}-a1",
            name="n",
            submitted_at=f"2026-01-0{number + 1}T00:00:00+00:00",
            owner="me",
        )
        submitted.remember(entry, SPEC)
    assert [entry.id for entry in submitted.entries()] == ["abce2222", "abcd1111"]
    found = submitted.find("last"), submitted.find("abcd"), submitted.find("zz")
    assert [entry and entry.id for entry in found] == ["abce2222", "abcd1111", None]
    with pytest.raises(LookupError, match="more than one"):
        submitted.find("abc")
    assert submitted.spec_of("abcd1111") == SPEC
    for name in ("abcd1111.json", "abcd1111.json.copy"):
        (submitted.FOLDER / name).write_bytes(b"{}")
    assert [entry.id for entry in submitted.entries()] == ["abce2222"]
    [told] = submitted.unreadable()
    assert "abcd1111.json: the submission of sweep abcd1111 cannot be read, nor its copy; `paceline" in str(told)
    assert main(["logs", "abcd"]) == 1
    assert str(told) in capsys.readouterr().err
    assert "`paceline resume abcd1111 --on TARGET` has the submission back" in str(told)
    job = SweepJob(
        id="abcd1111",
        job_name="paceline-abcd1111-a3",
        name="n",
        owner="me",
        attempt=3,
        submitted_at="2026-01-01T",
        code="image",
    )
    target = cast(Target, KnowsOne(job))
    lost = submitted.FOLDER / "abcd1111.yaml"
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(Unreadable, match=r"spec that was sent.*`paceline submit SPEC --on http://head:8265` sends"):
        submitted.had_back("abcd", target)
    lost.write_bytes(content)
    entry = submitted.had_back("abcd", target)
    assert (entry.submission_id, entry.attempt, entry.code) == ("paceline-abcd1111-a3", 3, "image")
    assert submitted.find("abcd") == entry and submitted.spec_of("abcd1111") == SPEC and not submitted.unreadable()


class KnowsOne:
    """A cluster that knows one submission."""

    def __init__(self, job: SweepJob) -> None:
        self.job = job

    def __str__(self) -> str:
        return "http://head:8265"

    def status(self, sweep_id: str) -> SweepJob:
        assert sweep_id == self.job.id
        return self.job


@pytest.mark.slow
def test_a_sweep_is_handed_to_this_machine_followed_and_resumed(folder: Path) -> None:
    here = Folder(folder)
    here.write(SPEC)
    sweep_id = here.paceline("submit", "sweep.yaml", "epochs=2", "max_lanes=1").stdout.split()[1]
    followed = here.paceline("logs", sweep_id, "-f")
    assert followed.returncode == 0, followed.stderr
    assert f"sweep {sweep_id} finished" in followed.stdout
    told = here.paceline("status", sweep_id).stdout
    assert "finished" in told and "on local" in told
    assert sweep_id in here.paceline("ls").stdout


def test_the_job_refuses_a_second_version_of_paceline(monkeypatch: pytest.MonkeyPatch) -> None:
    from cluster import job

    monkeypatch.setattr(job.metadata, "version", lambda _: "9.9")
    for code, rule in (("ship", "submit with --code image"), ("image", "use an image of 0.1.0")):
        monkeypatch.setenv("PACELINE_CODE", code)
        monkeypatch.setenv("PACELINE_VERSION", "0.1.0")
        with pytest.raises(job.JobRefused, match=rule):
            job._check_code()
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    with pytest.raises(job.JobRefused, match=r"needs 3\.11 or newer"):
        job._check_python()
    assert os.environ["PACELINE_CODE"] == "image"
