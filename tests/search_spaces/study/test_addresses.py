"""Addresses of shared stores that can never work are refused with the right spelling; others are left to try."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.doctor import stores
from search_spaces.study import addresses
from search_spaces.study.addresses import checkpoints_fault, study_fault

SPEC = "workload: softmax\ndata: {name: wine}\nparameters: {lr: {min: 0.001, max: 0.1}}\ntrials: 2\n"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///study.db", "must be left out"),
        ("postgresql+psycopg:/me@db/hpo", "write 'postgresql+psycopg://me@db/hpo'"),
        ("postgresql+psycopg2://me@db/hpo", "write 'postgresql+psycopg://me@db/hpo'"),
        ("mysql://me@db/hpo", "must be postgresql+psycopg://USER@HOST/DATABASE"),
        ("./study", "must be postgresql+psycopg://USER@HOST/DATABASE"),
        ("postgresql://me@my db/hpo", "without blanks"),
        ("postgresql+psycopg://USER@HOST/DB", "put something in the place of DB and HOST and USER"),
        ("postgresql://me@db", "names no database"),
    ],
)
def test_studies_that_can_never_work(url: str, said: str) -> None:
    assert said in str(study_fault(url))


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3//bucket/x", "write 's3://bucket/x'"),
        ("s3:/bucket/x", "write 's3://bucket/x'"),
        ("gs:bucket", "write 'gs://bucket'"),
        ("s4://bucket/x", "did you mean s3://bucket/x?"),
        ("S3://bucket/x", "did you mean s3://bucket/x?"),
        ("https://host/x", "cannot be written to"),
        ("s3://", "must name a bucket"),
        ("s3://my bucket/x", "without blanks"),
        ("s3://BUCKET/PREFIX", "put something in the place of BUCKET"),
        ("file:/data/x", "write '/data/x'"),
        (f"{__file__}/x", "test_addresses.py is a file"),
    ],
)
def test_checkpoints_that_can_never_work(uri: str, said: str) -> None:
    assert said in str(checkpoints_fault(uri))


def test_what_may_work_is_left_to_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (
        "postgresql://u:p@db/hpo",
        "postgres://db:5432/hpo?sslmode=require",
        "postgresql+psycopg:///hpo",
        "postgresql://u:p/#[? ss@db/hpo",  # SQLAlchemy takes such a password
        "postgresql://db?dbname=hpo",
        "postgresql://?service=hpo",
    ):
        assert study_fault(url) is None, url
    monkeypatch.setenv("PGDATABASE", "hpo")
    assert study_fault("postgresql://me@db") is None
    for uri in (
        "s3://b/x",
        "file:///data/x",
        str(tmp_path / "new" / "s3"),
        "checkpoints",
        "memory://x",
        "~/weights",
    ):
        assert checkpoints_fault(uri) is None
    monkeypatch.setattr(addresses, "find_spec", lambda name: None)
    assert study_fault("postgresql://db/hpo") == "needs psycopg: pip install 'paceline[postgres]'"
    assert checkpoints_fault("s3://b/x") == "needs s3fs: pip install 'paceline[s3]'"
    assert checkpoints_fault("gs://b/x") == "needs gcsfs: pip install gcsfs"


def test_both_are_refused_at_once_by_check_run_and_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweep.yaml").write_text(SPEC)
    monkeypatch.setenv("PACELINE_STUDY", "postgresql:/me:hunter22@db/hpo")
    monkeypatch.setenv("PACELINE_CHECKPOINTS", "s3//bucket/x")
    for command in ("check", "run"):
        assert main([command, "sweep.yaml"]) == 2
        err = capsys.readouterr().err
        assert (
            "PACELINE_STUDY: must be" in err and "PACELINE_CHECKPOINTS: must have" in err and "hunter22" not in err
        )
    found = {check.name: check for check in stores.shared()}
    assert "hunter22" not in repr(found)
    assert found["study"].state == "wrong" == found["checkpoints"].state
    assert "s3://bucket/x" in found["checkpoints"].remedy
    monkeypatch.delenv("PACELINE_STUDY")
    Path("sweep.yaml").write_text(f"{SPEC}storage: {{checkpoints: 's4://b/x'}}\n")
    assert main(["check", "sweep.yaml"]) == 2 and "storage.checkpoints: must be" in capsys.readouterr().err
    assert main(["check", "sweep.yaml", "storage.checkpoints=s3:/b/x"]) == 2
    assert "write 's3://b/x'" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"], "nothing was started"
