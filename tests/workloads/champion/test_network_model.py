"""The champion of a user's network where no graph of it can be traced: weights, and its own module."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import LOSS
from tests.helpers.workload_data import blobs, search_data
from workloads.champion.export import trained
from workloads.champion.network_model import load, network_model
from workloads.champion.own_function import code_of_network
from workloads.legs.runner import LegRunner, LegSetting

NAME = "tests.helpers.networks:Convolutional"


def test_it_is_built_anew_from_its_module_and_predicts_the_same(tmp_path: Path) -> None:
    lane = LegRunner(LegSetting(NAME, LOSS, str(tmp_path / "c"), device="cpu"), search_data(), blobs(30, 2))
    member = Member(trial=0, seed=0, params={"channels": 3, "dropout": 0.3})
    lane.start(Leg(id=0, start=0, stop=2, horizon=2, members=(member,), purpose="final"))
    while not lane.done:
        lane.epoch()
    made = network_model(NAME, str(lane.save()[0].uri), search_data())
    made.save(tmp_path / "model")
    x = blobs(9, 3).x
    assert np.array_equal(load(tmp_path / "model").predict(x), made.predict(x))
    assert not list((tmp_path / "model").glob("*.pkl"))


def test_what_it_draws_beside_its_weights_is_as_in_the_training(tmp_path: Path) -> None:
    name = "tests.helpers.networks:Odd"
    lane = LegRunner(LegSetting(name, LOSS, str(tmp_path / "c"), device="cpu"), search_data(), blobs(30, 2))
    member = Member(trial=0, seed=5, params={"kind": "drawn tensor"})
    lane.start(Leg(id=0, start=0, stop=1, horizon=1, members=(member,), purpose="final"))
    lane.epoch()
    uri = str(lane.save()[0].uri)
    _, data, model = trained(name, uri, search_data())
    a = lane.aboard[0]
    with torch.no_grad():
        expected = lane._model(a, a.loop.state(0))(data.inputs(data.x_val))
        assert torch.equal(model(data.inputs(data.x_val)), expected)
    made = network_model(name, uri, search_data())
    made.save(tmp_path / "model")
    assert np.array_equal(load(tmp_path / "model").predict(search_data().val.x), expected.numpy())


def test_the_modules_that_it_imports_go_along(tmp_path: Path) -> None:
    (top,) = code_of_network(NAME, tmp_path / "code")
    assert top.name == "tests" and (top / "helpers" / "networks.py").is_file()
    assert code_of_network("mlp", tmp_path / "none") == ()
