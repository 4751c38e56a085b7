"""Where a sweep's MLflow store is: the one that it began with, also from another folder, and in a copy its copy."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from cluster.sweep.home import SweepHome
from cluster.sweep.provenance.store_place import PLACE, moved, noted, store_now, store_of

URI = "sqlite:///{}"


def begun(folder: Path) -> tuple[SweepHome, dict[str, Any]]:
    """Return a home in ``folder`` that has begun to write to the store beside it, and what its study keeps."""
    home = SweepHome("aa11", folder / ".paceline" / "aa11")
    home.path.mkdir(parents=True)
    (folder / "mlflow.db").touch()
    uri = URI.format(folder / "mlflow.db")
    return home, {"tracking": {"uri": uri}, PLACE: noted(home, uri)}


def test_a_copied_or_moved_folder_has_its_own_store(tmp_path: Path) -> None:
    home, facts = begun(tmp_path / "first")
    assert store_now(home, facts) == URI.format(tmp_path / "first" / "mlflow.db")
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    copy = SweepHome("aa11", tmp_path / "second" / ".paceline" / "aa11")
    assert store_now(copy, facts) == URI.format(tmp_path / "second" / "mlflow.db")
    (tmp_path / "second" / "mlflow.db").unlink()
    assert store_now(copy, facts) == URI.format(tmp_path / "first" / "mlflow.db"), "the home alone was copied"


def test_a_sweep_that_an_earlier_version_began_has_the_store_that_it_noted(tmp_path: Path) -> None:
    home, facts = begun(tmp_path / "first")
    known = {"tracking": facts["tracking"]}
    assert store_now(home, known) == facts["tracking"]["uri"]
    home.path.parent.parent.rename(tmp_path / "moved")
    moved_home = SweepHome("aa11", tmp_path / "moved" / ".paceline" / "aa11")
    assert store_now(moved_home, known) == URI.format(tmp_path / "moved" / "mlflow.db")
    assert store_now(home, {}) is None


@pytest.mark.parametrize(
    ("spec", "variable", "expected"),
    [
        (None, None, "first/mlflow.db"),
        ("sqlite:///mlflow.db", None, "first/mlflow.db"),
        (None, "sqlite:///other.db", "elsewhere/other.db"),
        (None, "sqlite:////tmp/third.db", "/tmp/third.db"),
        ("http://127.0.0.1:5000", None, "http://127.0.0.1:5000"),
    ],
    ids=["default", "relative", "another file", "absolute", "server"],
)
def test_a_sweep_resumed_from_another_folder_writes_to_the_store_that_it_began_with_unless_another_is_named(
    spec: str | None, variable: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, facts = begun(tmp_path / "first")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if variable:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    wanted = expected if "//" in expected else URI.format(tmp_path / expected)
    assert store_of(home, spec, facts) == wanted
    assert (wanted in moved(home, wanted, facts)) == ("first" not in wanted), "another store is told"
    assert store_of(home, None, {}).endswith(Path(variable or "elsewhere/mlflow.db").name), "nothing has begun"
