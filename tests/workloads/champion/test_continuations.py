"""The champion that continues texts: it is the one that was trained, here and in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import Objective
from tests.helpers.causal_data import pair_data, text_data
from workloads.arrays import DataError
from workloads.champion.causal import continuations
from workloads.champion.encoders.folder import write_network
from workloads.data.search_data import SearchData
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.language.causal.codes import matrix
from workloads.models.language.causal.decoder import decoder_of
from workloads.models.language.causal.tokens import CausalTokens, examples
from workloads.models.language.hyperparameters import LanguageHyperparameters

SERVE = """
import sys, json
from workloads.champion.causal.continuations import load
print(json.dumps([load(path).predict(["the king", "", "😀"], json.loads(sys.argv[1])).to_dict("list")
    for path in sys.argv[2:]]))
"""


DRAWN = {"max_new_tokens": 9, "temperature": 1.0, "seed": 2}


def champion(mode: str, folder: Path, search: SearchData) -> continuations.Continuations:
    """The champion of a training of one epoch."""
    objective = Objective("val_bits_per_character", "minimize")
    lane = LegRunner(LegSetting("language", objective, str(folder), device="cpu"), search)
    params = {"model": "none", "mode": mode, "max_length": 32, "batch_size": 8, "lr": 0.003}
    member = Member(trial=0, seed=0, params=params)
    lane.start(Leg(id=0, start=0, stop=1, horizon=1, members=(member,), purpose="final"))
    while not lane.done:
        lane.epoch()
    assert [one.path for one in lane.exhibits()] == ["samples/epoch_0001.txt"]
    found, example = continuations.made("language", lane.save()[0].uri, search)
    assert len(found.predict(example, {"max_new_tokens": 2})) == len(example) >= 2
    return found


def test_champions_continue_texts_and_do_the_same_in_a_fresh_process(tmp_path: Path) -> None:
    made = [champion(mode, tmp_path / mode, text_data()) for mode in ("full", "lora")]
    folders = [str(tmp_path / f"saved-{k}") for k in range(2)]
    for model, folder in zip(made, folders, strict=True):
        model.save(Path(folder))
    done = subprocess.run(
        [sys.executable, "-c", SERVE, json.dumps(DRAWN), *folders], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for model, there in zip(made, json.loads(done.stdout.strip().splitlines()[-1]), strict=True):
        here = model.predict(pd.Series(["the king", "", "😀"]), DRAWN)
        assert there == here.to_dict("list") and list(here) == ["prediction"] and len(set(here["prediction"])) > 1
    assert (Path(folders[0]) / "base" / "model.safetensors").is_file()
    told = json.loads((Path(folders[0]) / "encoder.json").read_text())
    (Path(folders[0]) / "encoder.json").write_text(json.dumps({**told, "weights": "0"}))
    with pytest.raises(DataError, match="is another one than that of the training"):
        continuations.load(folders[0])


def test_params_that_cannot_be_are_refused_all_at_once(tmp_path: Path) -> None:
    model = champion("lora", tmp_path, text_data())
    with pytest.raises(DataError, match=r"max_new_tokens must be at least 1.*temperature must be at least 0"):
        model.predict(["a"], {"max_new_tokens": 0, "temperature": -1})
    with pytest.raises(DataError, match="received one text"):
        model.predict("one text")
    with pytest.raises(DataError, match="no column 'text'"):
        model.predict(pd.DataFrame({"review": ["a"]}))
    drawn = [model.predict(["a"] * 3, {"max_new_tokens": 8, "temperature": 1.0, "seed": s}) for s in (0, 0, 1)]
    assert drawn[0].equals(drawn[1]) and not drawn[0].equals(drawn[2])
    assert len(np.unique(drawn[0]["prediction"])) > 1


def test_a_champion_of_pairs_answers_prompts_and_says_how_likely_completions_are(tmp_path: Path) -> None:
    model = champion("lora", tmp_path, pair_data())
    prompts = pd.DataFrame({"q": ["2 + 3 =", "1 + 1 =", None]}, index=[5, 6, 7])
    found = model.predict(prompts, {"max_new_tokens": 4})
    assert list(found) == ["prediction"] and list(found.index) == [5, 6, 7]
    told = model.predict(prompts.assign(a=[" 5", " 2", " 3"]), {"max_new_tokens": 4})
    assert told["prediction"].equals(found["prediction"]) and list(told) == ["prediction", "loss", "perplexity"]
    np.testing.assert_allclose(told["perplexity"], np.exp(told["loss"]))
    one = model.predict(pd.DataFrame({"q": ["1 + 1 ="], "a": [" 2"]}))
    assert one["loss"][0] == pytest.approx(told["loss"][6], rel=1e-5)
    write_network(model, tmp_path / "merged")
    hp = LanguageHyperparameters(model=str(tmp_path / "merged"), mode="full", max_length=32)
    rows = matrix(examples(CausalTokens.of(hp.model, 32), [("1 + 1 =", " 2")]))
    with torch.no_grad():
        merged, first = decoder_of(hp)(rows)[0], decoder_of(LanguageHyperparameters(model="none"))(rows)[0]
    assert float(merged[0] / merged[3]) == pytest.approx(one["loss"][0], rel=1e-4) != float(first[0] / first[3])
