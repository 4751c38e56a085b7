"""`paceline promote`: the alias moves to a sweep's version, and not away from a better one without --force."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.docs.json_documents import DOCUMENTS, fields
from tests.helpers.small_champion import id_of
from tests.helpers.sweep_here import Here

OTHER = """
from mlflow import MlflowClient
client = MlflowClient()
mine = client.get_model_version("patients", "1")
tags = {**mine.tags, "sweep.id": "ffff", "test.value": "1.1"}
other = client.create_model_version("patients", mine.source, tags=tags)
client.set_registered_model_alias("patients", "champion", other.version)
print(other.version)
"""
"""Registers a better model of another sweep. A process of its own: MLflow finds a source in its default store."""


def test_a_better_champion_is_replaced_with_force_alone(patients: Here) -> None:
    from mlflow import MlflowClient

    store = f"sqlite:///{patients.path}/mlflow.db"
    client = MlflowClient(store, store)
    mine = client.get_model_version("patients", "1")
    assert mine.tags["test.metric"] == "test_accuracy"
    assert len(mine.tags["test.rows"]) == 64
    command = [sys.executable, "-c", OTHER]
    other = subprocess.check_output(command, env={**os.environ, "MLFLOW_TRACKING_URI": store}, text=True).strip()
    refused = patients.paceline("promote")
    assert refused.returncode == 2, refused.stderr
    assert (
        f"version {other} of patients (sweep ffff) is the champion; its score is worse than the" in refused.stderr
    )
    assert "against 1.1 on the same test rows, a difference of -" in refused.stderr
    mine_here = patients.path / ".paceline" / id_of(patients)
    shutil.copytree(mine_here, there := mine_here.with_name("ffff"))
    again = patients.paceline("promote", mine_here.name)
    shutil.rmtree(there)
    assert again.returncode == 2, again.stderr
    assert "a difference of +0 (95 % interval -" in again.stderr
    assert "), inside the noise: neither is shown to be better; --force makes" in again.stderr
    found = patients.document("promote", "--force")
    assert found["difference"]["how"] == "apart"
    assert found["replaced"] == {"version": other, "sweep": "ffff"}
    assert set(fields(found)) - {"replaced.version", "replaced.sweep"} == set(DOCUMENTS["promote"]) - {"replaced"}
    assert (found["sweep"], found["comparison"]) == (id_of(patients), "worse")
    assert client.get_model_version_by_alias("patients", "champion").version == mine.version
    assert patients.document("promote")["comparison"] == "same"
    client.delete_model_version("patients", other)
