"""Makes tiny text encoders and champions of ``language``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import Objective
from tests.helpers.workload_data import sentences
from tracking.results.registered_model import Candidate, Example, Folder, register
from workloads.champion import language_model
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.models.language.pretrained import encoder_of, tokens_of


def small_encoder(folder: Path) -> Path:
    """Return ``folder`` with a tiny encoder of random weights."""
    encoder_of(LanguageHyperparameters(model="none")).net.save_pretrained(folder)
    tokens_of("none", 128).tokenizer.save_pretrained(folder)
    return folder


def champion(model: Path | str, folder: Path, **way: Any) -> language_model.LanguageModel:
    """Return the champion of a training of one epoch, whose checkpoints are in ``folder``."""
    search = replace(sentences(), classes=("a", "b", "c"))
    lane = LegRunner(LegSetting("language", Objective("val_loss", "minimize"), str(folder), device="cpu"), search)
    params = {"model": str(model), "max_length": 16, "batch_size": 16, **way}
    member = Member(trial=0, seed=0, params=params)
    lane.start(Leg(id=0, start=0, stop=1, horizon=1, members=(member,), purpose="final"))
    while not lane.done:
        lane.epoch()
    found, example = language_model.made("language", lane.save()[0].uri, search)
    assert len(found.predict(example)) == 4
    return found


def registered(
    uri: str, model: language_model.LanguageModel, name: str = "it", loader: str = language_model.__name__
) -> str:
    """Register a champion under ``name`` in the store ``uri``, a SQLite file, as a sweep does; return its URI."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    folder = Path(uri.removeprefix("sqlite:///")).parent
    found = client.get_experiment_by_name("it")
    experiment = found.experiment_id if found else client.create_experiment("it", str(folder / "artifacts"))
    run = client.create_run(experiment).info.run_id
    model.save(saved := folder / run)
    candidate = Candidate(name=name, sweep_id="0", run_id=run, metadata={})
    rows = pd.DataFrame({column.name: ["a fine film", "bbb"] for column in model.card.columns})
    files = Folder(str(saved), loader, model.packages, takes_lists=True)
    return register(uri, candidate, files, Example(rows, model.predict(rows))).uri
