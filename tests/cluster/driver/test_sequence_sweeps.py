"""Whole sweeps over a text and a series, as a user runs them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.helpers.commands import agree
from tests.helpers.sequence_data import RHYME, monthly
from tests.helpers.sweep_here import Here
from workloads.models.recurrent.sample_text import MARK

pytestmark = pytest.mark.slow

SPEC = """
workload: recurrent
data: %s
parameters:
  lr: {min: 1e-2, max: 3e-2, log: true}
  width: 16
  batch_size: 16
trials: 2
epochs: 3
early_terminate: none
final: {top: 1, seeds: 2}
"""


def metrics(folder: Here, run_id: str) -> set[str]:
    with closing(sqlite3.connect(folder.path / "mlflow.db")) as db:
        return {key for (key,) in db.execute("select distinct key from metrics where run_uuid = ?", (run_id,))}


def test_a_text_from_spec_to_champion_with_samples_on_the_way(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    (tmp_path / "rhyme.txt").write_text(RHYME * 12)
    folder.write(SPEC % "{text: rhyme.txt, window: 16}")
    document = folder.document("run", "sweep.yaml")
    agree(folder, document, 2)
    assert document["verdict"]["metric"] == "test_bits_per_character"
    assert 0 < document["verdict"]["winner"]["mean"] < 6
    samples = [path.read_text() for path in tmp_path.rglob("artifacts/samples/epoch_0003.txt")]
    assert len(samples) == 6 and all(MARK in sample for sample in samples), "two trials, four final members"


def test_a_series_from_spec_to_verdict_beside_naive_forecasts(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    (tmp_path / "sales.csv").write_text("\n".join(monthly()))
    folder.write(SPEC % "{series: sales.csv, value: sales, time: month, window: 12}")
    document = folder.document("run", "sweep.yaml")
    agree(folder, document, 2)
    assert document["verdict"]["metric"] == "test_rmse"
    for role, split in (("trial", "val"), ("final", "test")):
        for run in folder.runs(role).values():
            assert {f"{split}_rmse", f"{split}_naive_rmse", f"{split}_persistence_rmse"} <= metrics(
                folder, run["run_id"]
            )


@pytest.mark.parametrize(
    ("data", "content", "said"),
    [
        ("{text: it}", "Füße " * 50, ("sweep.yaml:3: data", "byte 1 (0xfc) is no utf-8", "did you mean 'cp1252'")),
        (
            "{series: it, value: sales, time: month}",
            "\n".join(line for line in monthly() if "1952-05" not in line),
            ("it:30: 1 x 1 month missing (1952-06 after 1952-04)",),
        ),
    ],
)
def test_bad_data_is_refused_and_nothing_is_started(
    tmp_path: Path, data: str, content: str, said: tuple[str, ...]
) -> None:
    folder = Here(tmp_path)
    (tmp_path / "it").write_bytes(content.encode("latin-1"))
    folder.write(SPEC % data)
    done = folder.paceline("run", "sweep.yaml")
    assert done.returncode == 2
    assert all(part in done.stderr for part in said), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".paceline").exists() or not any((tmp_path / ".paceline").rglob("journal.log"))
