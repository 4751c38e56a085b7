"""Checkpoints that several processes write, each its shards: whole or not at all, and read by any number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import Objective
from tests.helpers.two_workers import on_several, on_two
from tests.helpers.workload_data import blobs, search_data, sentences
from workloads.data.search_data import SearchData
from workloads.files import listed_folder
from workloads.legs import checkpoint, shards
from workloads.legs.checkpoint import NotKept, TornCheckpoint
from workloads.legs.runner import LegRunner, LegSetting
from workloads.training.process_group import ALONE, ProcessGroup

MLP = {"width": 7, "depth": 2, "dropout": 0.0, "batch_size": 16, "optimizer": "adamw"}
"""Hyperparameters of a network whose layers cannot be divided into equal shards."""
FULL = "No space left on device"


def lane(folder: Path | str, group: ProcessGroup = ALONE, search: SearchData | None = None) -> LegRunner:
    setting = LegSetting("mlp", Objective("val_loss", "minimize"), str(folder), device="cpu")
    return LegRunner(setting, search or search_data(), blobs(30, 2), replace(group, strategy="fsdp"))


def trained(runner: LegRunner, start: int, stop: int, uri: str | None = None, **said: Any) -> list[float]:
    """Train one member from epoch ``start`` to ``stop``; return its validation losses."""
    member = Member(trial=0, seed=1, params=said.pop("params", MLP), checkpoint=uri)
    runner.start(Leg(id=0, start=start, stop=stop, horizon=9, members=(member,), **said))
    found: list[float] = []
    while not runner.done:
        found += [report.metrics["val_loss"] for report in runner.epoch()]
    return found


def saved(runner: LegRunner) -> str:
    [one] = runner.save()
    runner.group.gathered(None)  # the first process has written the rest
    return str(one.uri)


def in_parts(runners: Callable[[], LegRunner], **said: Any) -> dict[str, Any]:
    """Train two epochs and one more from their checkpoint; return the losses, and the checkpoint."""
    first = runners()
    losses = trained(first, 0, 2, **said)
    uri = saved(first)
    return {"losses": losses + trained(runners(), 2, 3, uri, **said), "uri": uri}


def final(group: ProcessGroup, folder: Path) -> dict[str, Any]:
    """Train a final member, whose best epoch is kept, in parts; return what it scores, too."""
    found = in_parts(lambda: lane(folder, group), purpose="final")
    runner = lane(folder, group)
    trained(runner, 2, 3, found["uri"], purpose="final")
    return {**found, "scores": [one.metrics for one in runner.score()]}


def in_folds(group: ProcessGroup, folder: Path) -> dict[str, Any]:
    rows = np.arange(43)
    folds = tuple((rows[rows % 2 != k], rows[rows % 2 == k]) for k in range(2))
    return in_parts(lambda: lane(folder, group, replace(search_data(), folds=folds)))


def not_kept(group: ProcessGroup, folder: Path) -> str:
    """Return what is told where the disk is full for the second process alone."""
    runner = lane(folder, group)
    trained(runner, 0, 1, purpose="final")
    mark = listed_folder.mark
    if not group.first:
        listed_folder.mark = _full
    try:
        runner.save()
    except NotKept as error:
        return str(error)
    finally:
        listed_folder.mark = mark
    return "kept"


def _full(_: Path) -> list[int]:
    raise OSError(FULL)


def each(group: ProcessGroup, folder: Path) -> dict[str, Any]:
    """What each of two processes does."""
    return {
        "final": final(group, folder / "final"),
        "store": in_parts(lambda: lane(f"local://{folder}/store", group)),  # which is written as a store is
        "folds": in_folds(group, folder / "folds"),
        "full": not_kept(group, folder / "full"),
        "folder": folder,
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return on_two(each, tmp_path_factory.mktemp("two"))


def test_each_process_writes_its_shards_and_the_best_epoch_s_weights(both: Any, tmp_path: Path) -> None:
    alone = final(ALONE, tmp_path)
    for one in (both[0]["final"], both[1]["final"]):
        assert one["losses"] == pytest.approx(alone["losses"], rel=1e-5)
    scores = [one["final"]["scores"] for one in both]
    assert scores == [[pytest.approx(alone["scores"][0], rel=1e-4)], []], "the first process scores"
    uri = both[0]["final"]["uri"]
    sizes = [file.stat().st_size for file in sorted(Path(uri, "shards").glob("*.distcp"))]
    assert len(sizes) == 2 and max(sizes) < 0.6 * sum(sizes)
    (saved, state, best), (expected, other, kept) = (checkpoint.load(one) for one in (uri, alone["uri"]))
    assert replace(saved, seconds=0.0, curves=None).best_epoch == expected.best_epoch and best and kept
    torch.testing.assert_close(dict(state.model), dict(other.model), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(dict(state.optimizer), dict(other.optimizer), rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(dict(best.model), dict(kept.model), rtol=1e-4, atol=1e-6)
    went_on = trained(lane(tmp_path / "on"), 2, 3, uri, purpose="final")
    assert went_on == pytest.approx(alone["losses"][2:], rel=1e-5), "one process goes on from shards"


def test_shards_in_a_store_and_of_folds_are_read_again(both: Any, tmp_path: Path) -> None:
    alone, folds = in_parts(lambda: lane(tmp_path)), in_folds(ALONE, tmp_path / "folds")
    for one in both:
        assert one["store"]["losses"] == pytest.approx(alone["losses"], rel=1e-5)
        assert one["folds"]["losses"] == pytest.approx(folds["losses"], rel=1e-5)
    for uri in (both[0]["store"]["uri"], both[0]["folds"]["uri"]):
        assert checkpoint.valid(uri)
    found = checkpoint.load(both[0]["folds"]["uri"])[1]
    assert set(found.optimizer) == set(checkpoint.load(folds["uri"])[1].optimizer)


def test_a_checkpoint_that_one_process_cannot_write_is_told_by_all_and_leaves_nothing(both: Any) -> None:
    assert [one["full"] for one in both] == [FULL, FULL]
    left = [path for path in (both[0]["folder"] / "full").rglob("*") if path.is_file()]
    assert not left


@pytest.mark.parametrize("harm", ["cut", "changed", "missing", "index"])
def test_a_checkpoint_with_a_damaged_shard_is_not_valid(both: Any, harm: str, tmp_path: Path) -> None:
    uri = tmp_path / "e0001"
    for file in Path(both[0]["final"]["uri"]).rglob("*"):
        if file.is_file():
            target = uri / file.relative_to(both[0]["final"]["uri"])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    assert checkpoint.valid(str(uri))
    shard = uri / "shards" / ("index.json" if harm == "index" else "__1_0.distcp")
    content = shard.read_bytes()
    if harm == "missing":
        shard.unlink()
    else:
        shard.write_bytes(
            content[:-1] if harm == "cut" else content[:99] + bytes([content[99] ^ 1]) + content[100:]
        )
    assert not checkpoint.valid(str(uri))
    with pytest.raises(TornCheckpoint):
        checkpoint.load(str(uri))


def test_whatever_a_store_raises_is_told_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise RuntimeError("the store is away")

    monkeypatch.setattr(listed_folder, "check", away)
    assert shards._fault("s3://there", "shards", {"files": {}, "folders": []}) == "the store is away"


def test_what_is_read_of_shards_is_no_pickle(both: Any) -> None:
    files = {file.name for file in Path(both[0]["final"]["uri"], "shards").iterdir()}
    assert files == {"__0_0.distcp", "__1_0.distcp", "index.json"}
    json.loads(Path(both[0]["final"]["uri"], "shards", "index.json").read_text())


MODES: dict[str, dict[str, Any]] = {
    "full": {"encoder_lr_ratio": 0.5},
    "last_layers": {"trained_layers": 1},
    "lora": {},
}


def of_language(mode: str, group: ProcessGroup, folder: Path, part: int, uri: str | None) -> Any:
    """Train one epoch of a language model; return its loss and checkpoint."""
    setting = LegSetting("language", Objective("val_loss", "minimize"), str(folder), device="cpu")
    runner = LegRunner(setting, sentences(), None, replace(group, strategy="fsdp"))
    params = {
        "model": "none",
        "encoder_dropout": 0.0,
        "mode": mode,
        "max_length": 16,
        "batch_size": 16,
        "lr": 0.003,
        **MODES[mode],
    }
    return trained(runner, part, part + 1, uri, params=params), saved(runner)


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
def test_a_language_model_goes_on_with_another_number_of_workers(mode: str, tmp_path: Path) -> None:
    """Two workers, then one, then three, and two again."""
    expected: list[float] = []
    found: list[float] = []
    uri: str | None = None
    alone: str | None = None
    for part, num in enumerate((2, 1, 3, 2)):
        losses, alone = of_language(mode, ALONE, tmp_path / "alone", part, alone)
        expected += losses
        work = partial(_part, mode, part, uri, tmp_path / "several")
        told = on_several(num, work, tmp_path / f"group{part}") if num > 1 else [work(ALONE, tmp_path)]
        assert all(one == told[0] for one in told)
        losses, uri = told[0]
        found += losses
    assert found == pytest.approx(expected, rel=1e-5)
    one, other = (checkpoint.load(str(at))[1].model for at in (uri, alone))
    torch.testing.assert_close(dict(one), dict(other), rtol=1e-4, atol=1e-5)


def _part(mode: str, part: int, uri: str | None, folder: Path, group: ProcessGroup, _: Path) -> Any:
    return of_language(mode, group, folder, part, uri)
