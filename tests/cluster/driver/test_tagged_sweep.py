"""A whole sweep over labelled words, as a user runs it: from a CoNLL file to a champion that MLflow loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.commands import agree
from tests.helpers.paths import ROOT
from tests.helpers.sweep_here import Here
from tests.helpers.tagged import conll, sentences

pytestmark = [pytest.mark.slow, pytest.mark.soak]

SPEC = """
name: names
workload: recurrent
data: {conll: names.conll}
parameters:
  lr: {min: 3e-2, max: 6e-2, log: true}
  width: 16
  batch_size: 8
  bidirectional: true
trials: 2
epochs: 4
early_terminate: none
final: {top: 1, seeds: 2}
"""
LOAD = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
found = mlflow.pyfunc.load_model("models:/names@champion").predict(json.loads(sys.argv[2]))
print(json.dumps([found["words"].tolist(), found["labels"].tolist()]))
"""


def test_from_a_conll_file_to_a_champion_that_labels_words(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    (tmp_path / "names.conll").write_text(conll(sentences(80)))
    folder.write(SPEC)
    document = folder.document("run", "sweep.yaml")
    agree(folder, document, 2)
    verdict = document["verdict"]
    assert verdict["metric"] == "test_f1" and verdict["winner"]["mean"] > 0.5
    names = [one["name"] for one in verdict["baselines"]]
    assert names == ["majority label", "most frequent label of each word"]
    words = ["5.", "Ann", "Smith", "lives", "in", "New", "York", "."]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, f"sqlite:///{tmp_path / 'mlflow.db'}", json.dumps([words])],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told, labels = json.loads(done.stdout.splitlines()[-1])
    assert told == [words] and len(labels[0]) == len(words) and labels[0][-1] == "O"
