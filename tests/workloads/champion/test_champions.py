"""Every workload's winner, registered and loaded in a fresh process, predicts what it predicted here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import Objective
from tests.helpers.workload_data import SMALL, blobs, search_data
from tests.workloads.models.test_gan import SMALL as SMALL_GAN
from tests.workloads.models.test_gan import eight_by_eight
from workloads.arrays import Array
from workloads.champion.export import export
from workloads.data.search_data import SearchData
from workloads.legs.runner import LegRunner, LegSetting
from workloads.registry import WORKLOADS, workload

SERVE = """
import sys, mlflow, numpy, torch
mlflow.set_tracking_uri(sys.argv[1])
told = numpy.load(sys.argv[2])
found = {}
for name in told.files:
    model = mlflow.pytorch.load_model(f"models:/{name}@champion")
    with torch.inference_mode():
        found[name] = model(torch.from_numpy(told[name])).numpy()
numpy.savez(sys.argv[3], **found)
"""
SERVED = [name for name in WORKLOADS if workload(name).champion is None and not workload(name).by_row]
Served = dict[str, tuple[Array, Array]]
"""By workload: what the model gave here, and there."""


def trained(name: str, folder: Path) -> tuple[str, SearchData]:
    """The checkpoint of a final member after two epochs, and the data that it saw."""
    search, test = (eight_by_eight(), None) if name == "gan" else (search_data(), blobs(12, 2))
    objective = Objective(next(iter(workload(name).metrics(None))), "minimize")
    lane = LegRunner(LegSetting(name, objective, str(folder), device="cpu"), search, test)
    params = SMALL_GAN if name == "gan" else {**SMALL[name], "batch_size": 8}
    member = Member(trial=0, seed=0, params=params)
    lane.start(Leg(id=0, start=0, stop=2, horizon=2, members=(member,), purpose="final"))
    while not lane.done:
        lane.epoch()
    return lane.save()[0].uri, search


@pytest.fixture(scope="module")
def served(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:
    import mlflow

    from tracking.results.registered_model import Candidate, Example, register

    folder = tmp_path_factory.mktemp("champions")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    (folder / "mlflow.db").write_bytes(template.read_bytes())
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment("champions", (folder / "artifacts").as_uri())
    asked: dict[str, Array] = {}
    here: dict[str, Array] = {}
    for name in SERVED:
        model, inputs = export(name, *trained(name, folder / name))
        more = np.concatenate([inputs, inputs[:3]])
        with torch.inference_mode():
            example = Example(inputs, model(torch.from_numpy(inputs)).numpy())
            asked[name], here[name] = more, model(torch.from_numpy(more)).numpy()
        run_id = client.create_run(experiment).info.run_id
        register(uri, Candidate(name=name, sweep_id="s", run_id=run_id, metadata={}), model, example)
    np.savez(folder / "asked.npz", **asked)
    command = [sys.executable, "-c", SERVE, uri, str(folder / "asked.npz"), str(folder / "found.npz")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    there = np.load(folder / "found.npz")
    return {name: (here[name], there[name]) for name in SERVED}


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVED)
def test_a_fresh_process_predicts_the_same_for_another_number_of_rows(name: str, served: Served) -> None:
    here, there = served[name]
    assert here.std() > 0 and np.isfinite(here).all()
    np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-5)
