"""Makes tiny text encoders and champions of ``language``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import Objective
from tests.helpers.workload_data import sentences
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
