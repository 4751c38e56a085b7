"""Sweeps that start from models of MLflow: one version for a whole sweep, encoders as files, others refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cluster.sweep.mlflow_models.encoders import NoEncoder, encoder_of, refuse_others
from cluster.sweep.mlflow_models.pinned import pinned
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from tests.helpers.language_champion import champion, registered, small_encoder
from tracking.results.model_digest import ChangedModel
from tracking.results.model_files import ModelCard, card_of
from tracking.results.safe_model import load
from workloads.files import cache
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.models.language.pretrained import encoder_of as loaded
from workloads.registry import catalogue

SPEC = """
workload: language
data: {csv: reviews.csv, target: label, text: review}
tracking: {uri: "%s"}
parameters:
  model: %s
  max_length: {values: [16, 32], when: {model: "%s"}}
trials: 2
"""


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An MLflow store."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with data and a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(cache.FOLDER, str(tmp_path / "cache"))
    (tmp_path / "reviews.csv").write_text("review,label\nfine,a\ndull,b\n")
    return tmp_path


def test_an_alias_is_one_version_for_a_whole_sweep_and_its_encoder_is_what_was_trained(
    here: Path, uri: str
) -> None:
    small = small_encoder(here / "small")
    first = champion(small, here / "first", mode="lora", lr=0.01)
    alias = registered(uri, first)
    sweep = parse_sweep(SPEC % (uri, f"{{values: [none, {alias}]}}", alias), "it.yaml", here, catalogue=catalogue())
    found = pinned(sweep, "it.yaml")
    assert list(found.told()) == [f"{alias} is models:/it/1: this sweep keeps to it, though the alias may move"]
    second = champion(small, here / "second", mode="features")
    registered(uri, second)
    assert found.sweep.space.domains["model"].grid() == ("none", "models:/it/1")
    assert found.sweep.space.when["max_length"] == {"model": ("models:/it/1",)}
    assert pinned(found.sweep, "it.yaml").sweep == found.sweep
    assert pinned(sweep, "it.yaml").versions == {alias: "models:/it/2"}
    folder = encoder_of(uri, "models:/it/1")
    assert encoder_of(uri, "models:/it/1") == folder != encoder_of(uri, alias)
    codes, kept = torch.tensor([[3, 7, 9]]), loaded(LanguageHyperparameters(model=str(folder)))
    torch.testing.assert_close(kept(codes), first.network(codes), rtol=0, atol=1e-5)
    store = Path(uri.removeprefix("sqlite:///")).parent
    before = set(store.rglob("MLmodel"))
    assert registered(uri, second) == alias
    [made] = set(store.rglob("MLmodel")) - before
    made.write_text(made.read_text() + "\n")
    for opened in (encoder_of, load):
        with pytest.raises(
            ChangedModel, match=r"the files of models:/it/3 are not those that were .* run best.yaml`$"
        ):
            opened(uri, "models:/it/3")


def test_a_model_of_hugging_face_s_is_one_folder_with_its_tokenizer(here: Path) -> None:
    import mlflow
    from transformers import AutoModel, AutoTokenizer

    small = small_encoder(here / "small")
    parts = {"model": AutoModel.from_pretrained(small), "tokenizer": AutoTokenizer.from_pretrained(small)}
    mlflow.transformers.save_model(parts, here / "saved", task="feature-extraction", pip_requirements=["torch"])
    folder = encoder_of(f"sqlite:///{here / 'mlflow.db'}", str(here / "saved"))
    hp = LanguageHyperparameters(model=str(folder))
    codes = torch.tensor([[3, 7, 9]])
    expected = loaded(LanguageHyperparameters(model=str(small)))(codes)
    torch.testing.assert_close(loaded(hp)(codes), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("flavors", "said"),
    [
        (
            {"python_function": {"loader_module": "workloads.champion.table_model"}},
            "a champion of another workload",
        ),
        ({"python_function": {"loader_module": "mlflow.pytorch"}, "pytorch": {}}, "it is a network of torch"),
        ({"python_function": {"loader_module": "mlflow.sklearn"}, "sklearn": {}}, "it is a model of sklearn"),
        ({"python_function": {"loader_module": "mine"}}, "it is a model of Python in general"),
        ({"transformers": {"source_model_name": "x"}}, "is registered without its weights"),
    ],
)
def test_a_model_that_is_no_encoder_is_refused(flavors: dict[str, dict[str, str]], said: str) -> None:
    with pytest.raises(NoEncoder, match=said):
        refuse_others(ModelCard("0", flavors))


def test_faults_are_told_before_anything_starts(here: Path, uri: str) -> None:
    made = champion(small_encoder(here / "small"), here / "sweep", mode="features")
    alias = registered(uri, made, "other", "workloads.champion.text_model")
    values = f"{{values: [{alias}, models:/others@champion]}}"
    sweep = parse_sweep(SPEC % (uri, values, alias), "it.yaml", here, catalogue=catalogue())
    with pytest.raises(SpecError) as caught:
        pinned(sweep, "it.yaml")
    first, second = map(str, caught.value.faults)
    assert first.startswith("it.yaml: parameters.model: it is a champion of another workload: name a champion of")
    assert second == (
        "it.yaml: parameters.model: no model is registered as 'others', received 'models:/others@champion', "
        "did you mean models:/other@champion?"
    )
    assert card_of(uri, alias).loader == "workloads.champion.text_model"
