"""Registered models are found by alias and version, or refused with what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracking.results.versions import UnknownModel, version_of


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registry with two versions of ``reviews``, whose first one is the champion."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path_factory.mktemp('registry') / 'mlflow.db'}"
    client = MlflowClient(uri)
    client.create_registered_model("reviews")
    for _ in range(2):
        client.create_model_version("reviews", "file:///nowhere")
    client.set_registered_model_alias("reviews", "champion", "1")
    return uri


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("models:/reviews@champion", "models:/reviews/1"),
        ("models:/reviews/2", "models:/reviews/2"),
        ("models:/reviews/latest", "models:/reviews/2"),
        (f"models:/m-{'0' * 32}", f"models:/m-{'0' * 32}"),
        ("runs:/0/model", "runs:/0/model"),
    ],
)
def test_an_alias_is_a_version(store: str, model: str, found: str) -> None:
    assert version_of(store, model) == found


@pytest.mark.parametrize(
    ("model", "said", "instead"),
    [
        ("review@champion", "no model is registered as 'review'", "reviews@champion"),
        ("reviews@champ", "reviews has no alias 'champ', it has @champion", "reviews@champion"),
        ("reviews/3", "reviews has no version '3', it has 1, 2", None),
        ("reviews/Production", "reviews has no version 'Production', it has 1, 2", None),
        ("reviews", "must have an alias or a version behind its name", "reviews@champion"),
    ],
)
def test_what_is_not_there_is_told(store: str, model: str, said: str, instead: str | None) -> None:
    with pytest.raises(UnknownModel) as caught:
        version_of(store, f"models:/{model}")
    assert str(caught.value) == said
    assert caught.value.instead == (instead and f"models:/{instead}")


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="there is no MLflow store"):
        version_of(f"sqlite:///{tmp_path / 'none.db'}", "models:/reviews@champion")
    assert not any(tmp_path.iterdir())
