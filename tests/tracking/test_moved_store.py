"""A store whose folder was copied uses the artifacts beside it, not those of the old place."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.helpers.small_sweep_in_mlflow import SWEEP, open_writer
from tests.helpers.waiting import wait_until
from tracking.store.open import open_store
from tracking.store.sqlite import read_runs


def test_a_copied_store_has_its_own_artifacts(template: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    shutil.copy(template, tmp_path / "old" / "mlflow.db")
    writer = open_writer(f"sqlite:///{tmp_path / 'old' / 'mlflow.db'}", tmp_path / "spool")
    writer.text("note.txt", "here")
    assert writer.close(30)
    with closing(sqlite3.connect(tmp_path / "old" / "mlflow.db")) as db, db:
        db.execute(
            "INSERT INTO experiments VALUES (99, 'elsewhere', '/data/mlruns/elsewhere', 'active', 0, 0, 'default')"
        )
        for key, place in ((97, "s3://bucket"), (98, "file:///data")):  # not moved, though they end alike
            (tmp_path / "old" / "mlruns" / f"kept {key}").mkdir()
            row = (key, f"kept {key}", f"{place}/mlruns/kept {key}")
            db.execute("INSERT INTO experiments VALUES (?, ?, ?, 'active', 0, 0, 'default')", row)
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    for _ in range(2):
        open_store(f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}").close()
    for place in ("old", "new"):
        with closing(sqlite3.connect(tmp_path / place / "mlflow.db")) as db:
            places = dict(db.execute("SELECT name, artifact_location FROM experiments"))
            [[run]] = db.execute("SELECT artifact_uri FROM runs")
        assert places.pop("elsewhere") == "/data/mlruns/elsewhere" and places.pop("Default")
        assert places.pop("kept 97").startswith("s3://bucket/") and places.pop("kept 98").startswith(
            "file:///data/"
        )
        [folder] = places.values()
        assert Path(folder).is_relative_to(tmp_path / place) and Path(run).is_relative_to(folder)
        assert (Path(run) / "note.txt").read_text() == "here"


def test_a_store_that_is_seen_at_two_places_is_left_as_it_is_and_written_where_it_is(
    sqlite_uri: str, tmp_path: Path
) -> None:
    path, other = tmp_path / "mlflow.db", tmp_path / "mounted elsewhere"
    writer = open_writer(sqlite_uri, tmp_path / "spool")
    writer.text("first.txt", "here")
    wait_until(lambda: any(tmp_path.glob("mlruns/*/*/artifacts/first.txt")), "the file is written")
    other.symlink_to(tmp_path)
    open_store(f"sqlite:///{other / 'mlflow.db'}").close()
    with closing(sqlite3.connect(path)) as db, db:
        [[run]] = db.execute("SELECT artifact_uri FROM runs")
        assert Path(run).is_relative_to(tmp_path / "mlruns"), "both lead to the same folder"
        other.unlink()  # as on another machine, which does not see it at this place, and has mended it
        db.execute("UPDATE runs SET artifact_uri = replace(artifact_uri, ?, ?)", [str(tmp_path), str(other)])
    writer.text("second.txt", "here")
    assert writer.close(30) and not other.exists()
    [found] = read_runs(path, SWEEP)
    [kept] = tmp_path.glob(f"mlruns/*/{found.run_id}/artifacts")
    assert {file.name for file in kept.iterdir()} >= {"first.txt", "second.txt"}
