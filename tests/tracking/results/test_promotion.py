"""Which version is the champion: a better one of the same test rows stays, another is replaced with a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from search_spaces.types.objective import Goal
from tracking import names
from tracking.results.promotion import Score, in_words, settled, standing

if TYPE_CHECKING:
    from mlflow import MlflowClient

ROWS, OTHERS = "0" * 64, "1" * 64


@pytest.fixture
def client(sqlite_uri: str) -> MlflowClient:
    from mlflow import MlflowClient

    client = MlflowClient(sqlite_uri, sqlite_uri)
    client.create_registered_model("m")
    return client


def version(
    client: MlflowClient, sweep: str, value: float | None, rows: str = ROWS, goal: Goal = "maximize"
) -> str:
    ci95 = (None, None) if value is None else (value - 0.03, value + 0.03)
    score = Score(metric="test_accuracy", goal=goal, value=value, ci95=ci95)
    tags = {names.SWEEP_ID: sweep, **score.tags(rows)}
    return str(client.create_model_version("m", "file:///nowhere", tags=tags).version)


def champion(client: MlflowClient) -> str:
    return str(client.get_model_version_by_alias("m", "champion").version)


def test_a_better_champion_of_the_same_rows_stays(client: MlflowClient) -> None:
    good, bad, better = (version(client, f"s{k}", value) for k, value in enumerate((0.9, 0.8, 0.91)))
    assert settled(client, "m", good) == (True, None)
    stays, told = settled(client, "m", bad)
    assert (stays, champion(client)) == (False, good)
    assert told is not None and "test_accuracy 0.8 against 0.9 on the same test rows" in told
    assert "`paceline promote s1 --force` replaces it" in told
    assert "a difference of -0.1 (95 % interval -0.1424 to -0.05757); `paceline" in told
    replaced, told = settled(client, "m", better)
    assert replaced and champion(client) == better
    assert told is not None and told.endswith("to 0.05243), inside the noise: neither is shown to be better")


def test_a_difference_without_an_interval_is_not_told(client: MlflowClient) -> None:
    old, new = version(client, "s0", 0.9), version(client, "s1", 0.8)
    for number in (old, new):
        client.delete_model_version_tag("m", number, "test.low")
    settled(client, "m", old)
    found = standing(client, "m", new)
    assert found.verdict == "worse" and in_words(found.difference) == ""


def test_less_is_better_where_it_is_minimized(client: MlflowClient) -> None:
    first, second = version(client, "s0", 2.0, goal="minimize"), version(client, "s1", 3.0, goal="minimize")
    settled(client, "m", first)
    assert standing(client, "m", second).verdict == "worse"


@pytest.mark.parametrize(("value", "rows", "why"), [(0.1, OTHERS, "test rows differ"), (None, ROWS, "no score")])
def test_one_that_cannot_be_compared_replaces_with_a_word(
    client: MlflowClient, value: float | None, rows: str, why: str
) -> None:
    first, second = version(client, "s0", 0.9), version(client, "s1", value, rows)
    settled(client, "m", first)
    replaced, told = settled(client, "m", second)
    assert replaced and told is not None
    assert why in told and "`paceline promote s0 --force` puts it back" in told
    assert champion(client) == second


def test_the_same_sweep_replaces_its_own(client: MlflowClient) -> None:
    first, second = version(client, "s0", 0.9), version(client, "s0", 0.8)
    settled(client, "m", first)
    assert settled(client, "m", second) == (True, None)
    assert champion(client) == second


def test_a_store_that_is_away_is_not_one_without_a_champion(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    good, bad = version(client, "s0", 0.9), version(client, "s1", 0.8)
    settled(client, "m", good)

    def away(name: str, alias: str) -> None:
        raise MlflowException("API request to / failed with error code 503")

    with monkeypatch.context() as patch:
        patch.setattr(client, "get_model_version_by_alias", away)
        with pytest.raises(MlflowException):
            settled(client, "m", bad)
    assert champion(client) == good
