"""Transfer: weights are the network's own or refused, features are computed once, what is frozen stays frozen."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tests.helpers.harm import HARMS
from tests.helpers.workload_data import blobs, train
from workloads.arrays import Arrays, DataShape, Infeasible
from workloads.data.search_data import SearchData
from workloads.data.statistics import fit
from workloads.files import feature_cache
from workloads.files.cache import FOLDER
from workloads.models.transfer import backbones
from workloads.models.transfer.backbones import Tuned, stages
from workloads.models.transfer.hyperparameters import BACKBONES, TransferHyperparameters
from workloads.models.transfer.weights import network
from workloads.models.transfer.workload import check
from workloads.registry import workload
from workloads.training.choose_width import make_loop
from workloads.training.fused.loop import FusedLoop
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup, Trainee

SMALL: dict[str, Any] = {"backbone": "mobilenet_v3_small", "weights": "none", "size": 32, "batch_size": 8}
IMAGES = DataShape((3, 32, 32), 3)


def setup(params: dict[str, Any], search: SearchData | None = None) -> tuple[Setup, Trainee]:
    kind = workload("transfer")
    hp = TransferHyperparameters(**params)
    found = search or SearchData(blobs(24, 0), blobs(12, 1), fit(blobs(24, 0).x), 3)
    return Setup(kind, kind.data(hp, found, torch.device("cpu"), torch.float32)), Trainee(0, hp)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "efficientnet_b0"])
def test_the_smallest_images_of_a_row_give_finite_features(name: str) -> None:
    side = BACKBONES[name]
    net = network(name, side).eval()
    with torch.no_grad():
        assert net(torch.rand(2, 3, side, side)).flatten(1).isfinite().all()


@pytest.mark.parametrize("name", BACKBONES)
def test_every_row_is_a_network_of_torchvisions(name: str) -> None:
    from torchvision.models import get_model_weights, list_models

    assert name in list_models()
    assert get_model_weights(name).DEFAULT.url


@pytest.mark.parametrize(
    ("params", "rule"),
    [
        ({"backbone": "inception_v3", "size": 32}, "75 pixels a side, not 32 x 32"),
        ({"backbone": "vit_b_16", "size": 40}, "square images of a multiple of 16"),
        ({"backbone": "vit_b_16", "size": 32, "weights": "default"}, "are for images of 224 pixels"),
        ({"weights": "nowhere.pt", "size": 32}, "there is no file 'nowhere.pt'"),
    ],
)
def test_what_cannot_work_is_refused_before_training(params: dict[str, Any], rule: str) -> None:
    with pytest.raises(Infeasible, match=rule):
        check(TransferHyperparameters(**{"weights": "none", **params}), DataShape((1, 8, 8), 10))


def test_images_with_other_numbers_of_channels_are_refused() -> None:
    with pytest.raises(Infeasible, match="takes 1 or 3 channels, the images have 2"):
        check(TransferHyperparameters(weights="none"), DataShape((2, 32, 32), 10))


def test_a_pickle_posing_as_weights_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    file.write_bytes(pickle.dumps({"a": Path("x")}))
    torch.save({"conv1.weight": Path("x")}, tmp_path / "object.pt")
    for path in (file, tmp_path / "object.pt"):
        with pytest.raises(Infeasible, match="must hold weights alone"):
            check(TransferHyperparameters(weights=str(path)), IMAGES)


def test_weights_of_another_network_are_refused_with_the_layers(tmp_path: Path) -> None:
    torch.save(network("mobilenet_v3_small", 32).state_dict(), tmp_path / "m.pt")
    with pytest.raises(Infeasible, match=r"not those of backbone resnet18: conv1.weight \(is missing\)"):
        check(TransferHyperparameters(weights=str(tmp_path / "m.pt")), IMAGES)
    state = network("resnet18", 32).state_dict()
    torch.save({**state, "layer1.0.conv1.weight": torch.zeros(3, 3)}, tmp_path / "r.pt")
    with pytest.raises(Infeasible, match=r"layer1.0.conv1.weight \(is \(3, 3\), not \(64, 64, 3, 3\)\)"):
        check(TransferHyperparameters(weights=str(tmp_path / "r.pt")), IMAGES)


def test_default_weights_without_a_network_name_the_file_and_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(Infeasible, match=r"put the file resnet18-\w+.pth into .*checkpoints"):
        check(TransferHyperparameters(weights="default"), IMAGES)


def test_features_are_computed_once_for_equal_weights_and_images(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []
    compute = backbones._features

    def counted(*args: Any) -> torch.Tensor:
        rounds.append(1)
        return compute(*args)

    monkeypatch.setattr(backbones, "_features", counted)
    search = SearchData(blobs(26, 8), blobs(12, 9), fit(blobs(26, 8).x), 3)
    first, again = (setup({**SMALL, "dropout": d}, search)[0].data for d in (0.0, 0.3))
    assert len(rounds) == 2, "one for each split"
    assert torch.equal(first.x_train, again.x_train)
    setup({**SMALL, "size": 64}, search)
    assert len(rounds) == 4
    assert torch.equal(first.raw().inputs(torch.from_numpy(search.val.x)).cpu(), first.x_val)


@pytest.mark.skipif(sys.platform != "linux", reason="a folder in which not even root can write")
def test_a_cache_that_cannot_be_written_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, "/sys/paceline")
    [found] = feature_cache.cached({}, [torch.zeros(1)], lambda: [torch.ones(2)])
    assert found.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_cache_is_computed_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, harm: str) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    key, calls = [torch.zeros(1)], list[int]()

    def compute() -> list[torch.Tensor]:
        calls.append(1)
        return [torch.arange(200.0)]

    def found() -> list[float]:
        [values] = feature_cache.cached({}, key, compute)
        return list(values.tolist())

    right = found()
    for suffix in (".pt", ".crc"):
        [file] = (tmp_path / "features").glob(f"*{suffix}")
        assert found() == right and (len(calls) == 1 or suffix == ".crc"), "it is kept"
        num_calls = len(calls)
        HARMS[harm](file)
        assert found() == right and len(calls) == num_calls + 1, "it is computed again"
        assert found() == right and len(calls) == num_calls + 1, "and kept"


def test_a_cache_on_a_full_disk_keeps_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    feature_cache.cached({}, [torch.zeros(1)], lambda: [torch.ones(2)])
    [file] = (tmp_path / "features").glob("*.pt")
    file.unlink()
    file.with_suffix(".partial").symlink_to("/dev/full")
    [found] = feature_cache.cached({}, [torch.zeros(1)], lambda: [torch.ones(2)])
    assert found.tolist() == [1, 1] and not file.exists() and not file.with_suffix(".partial").is_symlink()


def test_the_cache_keeps_what_was_used_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(feature_cache, "KEPT_BYTES", 3000)
    for k in range(4):
        feature_cache.cached({}, [torch.tensor(k)], lambda: [torch.zeros(100)])
    assert 1 <= len(list(tmp_path.glob("features/*.pt"))) <= 2


def test_classifiers_on_features_are_fused_and_whole_networks_are_not() -> None:
    shared, member = setup(SMALL)
    assert isinstance(make_loop(shared, [member, replace(member, seed=1)]), FusedLoop)
    assert not shared.workload.fuses(replace(member.hp, mode="fine_tuning"))


def test_frozen_stages_keep_weights_and_statistics_and_the_others_learn_slower() -> None:
    shared, member = setup({**SMALL, "mode": "fine_tuning", "unfrozen": 2, "backbone_lr_ratio": 0.25})
    loop = make_loop(shared, [member])
    assert isinstance(loop, PlainLoop) and isinstance(loop.model, Tuned)
    known = stages(loop.model.body.net)
    before = [{n: v.clone() for n, v in stage.state_dict().items()} for stage in known]
    train(loop, 1)
    changed = [
        any(not torch.equal(v, old[n]) for n, v in stage.state_dict().items())
        for stage, old in zip(known, before, strict=True)
    ]
    assert changed == [False] * (len(known) - 2) + [True] * 2
    rates = {group["lr_ratio"]: group["lr"] for group in loop.optimizer.param_groups}
    assert rates == {1.0: member.hp.lr, 0.25: member.hp.lr * 0.25}


def test_first_weights_are_drawn_for_the_classifier_alone() -> None:
    shared, member = setup({**SMALL, "mode": "fine_tuning", "init": "he"})
    model = shared.build(member)
    assert isinstance(model, Tuned)
    plain = network("mobilenet_v3_small", 32)
    assert all(torch.equal(v, plain.state_dict()[n]) for n, v in model.body.net.state_dict().items())


def digits(classes: range, rows: int, seed: int) -> SearchData:
    """Digits of these classes, ``rows`` of each to learn from and the others to validate."""
    x, y = load_digits(return_X_y=True)
    x = x.reshape(-1, 1, 8, 8).astype(np.uint8)
    rng = np.random.default_rng(seed)
    order = [rng.permutation(np.flatnonzero(y == c)) for c in classes]
    learned, held = np.concatenate([o[:rows] for o in order]), np.concatenate([o[rows:] for o in order])
    parts = [Arrays(x[index], y[index].astype(np.int64) - classes.start) for index in (learned, held)]
    return SearchData(parts[0], parts[1], fit(parts[0].x), len(classes))


def test_weights_of_an_earlier_training_are_found_in_its_state(tmp_path: Path) -> None:
    shared, member = setup({**SMALL, "mode": "fine_tuning"})
    loop = make_loop(shared, [member])
    train(loop, 1)
    torch.save(loop.state(0).model, tmp_path / "first.pt")
    later, again = setup({**SMALL, "weights": str(tmp_path / "first.pt"), "mode": "fine_tuning"})
    model = later.build(again)
    assert isinstance(model, Tuned)
    own = model.body.net.state_dict()
    assert all(
        torch.equal(own[n.removeprefix("body.net.")], v) for n, v in loop.state(0).model.items() if "net." in n
    )


@pytest.mark.slow
@pytest.mark.soak
def test_a_network_trained_on_other_classes_beats_one_from_scratch(tmp_path: Path) -> None:
    whole = {
        **SMALL,
        "backbone": "resnet18",
        "batch_size": 32,
        "mode": "fine_tuning",
        "unfrozen": 99,
        "backbone_lr_ratio": 1.0,
        "lr": 0.002,
    }
    shared, member = setup(whole, digits(range(5), 100, 0))
    loop = make_loop(shared, [member])
    assert train(loop, 3)[-1][0]["val_accuracy"] > 0.8
    torch.save(loop.state(0).model, tmp_path / "first.pt")

    def accuracy(**params: Any) -> float:
        shared, trainee = setup({**whole, **params}, digits(range(5, 10), 20, 1))
        return max(epoch[0]["val_accuracy"] for epoch in train(make_loop(shared, [trainee]), 5))

    first = str(tmp_path / "first.pt")
    assert accuracy(weights=first, mode="feature_extraction", lr=0.01) > accuracy() + 0.05
