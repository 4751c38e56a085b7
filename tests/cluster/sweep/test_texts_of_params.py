"""Searched values out of what a spool or MLflow keeps of them."""

from __future__ import annotations

from cluster.sweep.files.texts_of_params import values_meant
from search_spaces.space.domains import Choice, Uniform
from search_spaces.space.space import Space
from search_spaces.types.values import Nested, value_of
from tracking.writer.events import TrialBegan, from_json, to_json

SPACE = Space({"layers": Choice((value_of([64, 64]), "[32]", None)), "lr": Uniform(0.1, 1.0)})


def test_lists_are_lists_again_and_texts_stay_texts() -> None:
    params = {"layers": value_of([64, 64]), "lr": 0.5, "seed": 3}
    event = from_json(to_json(TrialBegan(key="t0000", number=0, role="trial", params=params)))
    assert isinstance(event, TrialBegan) and not isinstance(event.params["layers"], Nested)
    for found in (SPACE.own(event.params), values_meant(SPACE, {}, {"layers": "[64, 64]", "lr": "0.5"})):
        assert found == {"layers": "[64, 64]", "lr": 0.5} and isinstance(found["layers"], Nested)
    assert not isinstance(SPACE.own({"layers": "[32]"})["layers"], Nested)
    assert SPACE.own({"layers": None}) == values_meant(SPACE, {}, {"layers": "None"}) == {"layers": None}
