"""Functions of users' on several workers: what their reports come to, what they save, what is told of faults."""

from __future__ import annotations

import math
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from search_spaces.race.legs import Leg, Member
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.failure import FailureReason
from search_spaces.types.faults import SpecError
from search_spaces.types.objective import Objective
from tests.helpers.two_workers import on_two
from tests.helpers.workload_data import blobs, search_data
from workloads.legs.ray_train import account
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.custom.ranks import together
from workloads.models.custom.ranks.reports import BadReport, Told, reduced, where_not_finite
from workloads.registry import catalogue
from workloads.training.process_group import ProcessGroup

KEPT = ("val_", "train_loss", "loss", "eval_loss", "eval_accuracy")
"""Beginnings of the metrics that are the same each time."""
FUNCTION = "tests.helpers.on_ranks:train"
EXAMPLES = {"ddp_mlp": "torch", "fsdp_mlp": "torch", "lightning_mlp": "lightning", "accelerate_mlp": "accelerate"}
EXAMPLES |= {"transformers_sequence": "transformers"}
"""Examples that several workers can train, and what each needs."""
REFUSED = {
    "one rank": "val_f1 was reported by rank 0 of 2 alone: report it on every rank, or on rank 0 with reduce=",
    "nan of another": "val_f1 is nan on rank 1 alone",
    "unknown reduction": "reduce must be one of mean, sum, min, max, rank0, received 'average'",
    "same name": "ranks 0 and 1 saved different files named model: put run.rank into the name",
}
WAITS = {
    "fewer": "rank 1 waits for the other ranks at on_ranks.py:26, and they wait for it: each must",
    "saved alone": "save was called on rank 0 alone, and run.report(save, sharded=True) calls it on every rank",
}
ENDS = {
    "ends early": "train on rank 1 ended behind epoch 1: it must report every epoch",
    "raises": "KeyError: \"column 'age'\"",
}


def runner(folder: Path, name: str, group: ProcessGroup) -> LegRunner:
    loss = "eval_loss" if "transformers" in name else "val_loss"
    setting = LegSetting(name, Objective(loss, "minimize"), str(folder), device="cpu")
    return LegRunner(setting, search_data(), blobs(30, 2), group)


def leg(start: int, stop: int, checkpoint: str | None, **params: Any) -> Leg:
    member = Member(trial=0, seed=1, params=params, checkpoint=checkpoint)
    return Leg(id=0, start=start, stop=stop, horizon=4, members=(member,))


def trained(lane: LegRunner, wanted: Leg) -> list[Any]:
    lane.start(wanted)
    told = []
    while not lane.done:
        told += lane.epoch()
    return [(one.epoch, {n: v for n, v in one.metrics.items() if n.startswith(KEPT)}) for one in told]


def resumed(name: str, group: ProcessGroup, folder: Path, **params: Any) -> tuple[Any, Any, str]:
    """Train for four epochs, then two and two; return both, and the checkpoint in between."""
    whole = trained(runner(folder / "whole", name, group), leg(0, 4, None, **params))
    lane = runner(folder / "parts", name, group)
    first = trained(lane, leg(0, 2, None, **params))
    [saved] = lane.save()
    group.gathered(None)  # rank 0 has written it
    assert saved.uri is not None
    return whole, first + trained(runner(folder / "parts", name, group), leg(2, 4, saved.uri, **params)), saved.uri


def fault(name: str, group: ProcessGroup, folder: Path) -> str:
    """Return what is told where the function does this."""
    lane = runner(folder, FUNCTION, group)
    try:
        trained(lane, leg(0, 4, None, fault=name))
        lane.save()
    except Exception:  # noqa: BLE001 - told
        return traceback.format_exc()
    return "nothing"


def each(group: ProcessGroup, folder: Path) -> dict[str, Any]:
    """What each of two processes does."""
    found: dict[str, Any] = {}
    found["told"] = trained(runner(folder / "told", FUNCTION, group), leg(0, 2, None, fault="rank 0's"))
    found["drawn"] = resumed(FUNCTION, group, folder / "drawn", fault="drawn")
    found["shards"] = resumed(FUNCTION, group, folder / "shards", fault="shards")[2]
    lane = runner(folder, FUNCTION, group)
    lane.start(leg(0, 4, None, fault="nan"))
    [diverged] = lane.epoch()
    found["nan"] = str(diverged.failure)
    found["one"] = fault("saved by one", group, folder / "one")
    found |= {name: fault(name, group, folder) for name in REFUSED}
    return found


def example(name: str) -> tuple[str, dict[str, Any]]:
    """Return the example's function and its hyperparameters."""
    params = {} if EXAMPLES[name] == "transformers" else {"batch_size": 8, "lr": 0.02}
    return f"workloads.examples.{name}:train", params


def examples(name: str, group: ProcessGroup, folder: Path) -> Any:
    """Train the example, whole and in parts."""
    function, params = example(name)
    return resumed(function, group, folder, **params)


def last(name: str, group: ProcessGroup, folder: Path) -> str:
    """What is told of a fault behind which the processes cannot be used."""
    together.LOOK_S, together.STUCK_S = 0.1, 1.0
    return fault(name, group, folder)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return on_two(each, tmp_path_factory.mktemp("two"))


def test_metrics_are_reduced_as_declared_and_the_same_on_all_ranks(both: Any) -> None:
    expected = [(epoch + 1, {"val_loss": epoch + 0.5, "val_accuracy": 0.5, "val_f1": 0.5}) for epoch in range(2)]
    assert [one["told"] for one in both] == [expected, expected]


def test_a_rank_s_generators_go_on_as_its_own(both: Any) -> None:
    """Python's and NumPy's numbers differ between the ranks, torch's do not; all go on where training goes on."""
    for whole, parts, _ in (one["drawn"] for one in both):
        assert parts == whole
        assert len({told["val_f1"] for _, told in whole}) == 4


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.soak] if needs == "torch" else []) for n, needs in EXAMPLES.items()]
)
def test_an_example_goes_on_from_what_two_workers_saved(name: str, tmp_path: Path) -> None:
    """On two workers with the same numbers as if it had not been interrupted, and on one."""
    pytest.importorskip(EXAMPLES[name], reason=f"pip install 'paceline[{EXAMPLES[name]}]'")
    (whole, parts, uri), (_, others, _) = on_two(partial(examples, name), tmp_path)
    assert parts == others == whole
    function, params = example(name)
    third, fourth = trained(runner(tmp_path, function, ProcessGroup()), leg(2, 4, uri, **params))
    assert (third[0], fourth[0]) == (3, 4)
    loss = next(value for metric, value in fourth[1].items() if metric in ("val_loss", "eval_loss"))
    assert loss < 0.68


def test_each_rank_s_files_are_in_one_folder(both: Any) -> None:
    files = Path(both[0]["shards"], "files")
    found = {path.relative_to(files).as_posix(): path.read_bytes() for path in files.rglob("*") if path.is_file()}
    assert found == {"rank0": b"0", "rank1": b"1", "deep/0": b"", "deep/1": b"\0", "same": b"same"}


def test_a_rank_that_saves_nothing_is_not_waited_for(both: Any) -> None:
    assert [one["one"] for one in both] == ["nothing", "nothing"]


def test_a_loss_that_is_not_finite_on_one_rank_names_it(both: Any) -> None:
    assert all("val_loss is nan on rank 1" in one["nan"] for one in both)


@pytest.mark.parametrize("name", REFUSED)
def test_a_report_without_meaning_is_refused_at_its_line(both: Any, name: str) -> None:
    for one in both:
        assert REFUSED[name] in one[name]
        assert name == "same name" or "on_ranks.py" in one[name], "the user's own line"


@pytest.mark.parametrize("name", WAITS)
def test_ranks_that_wait_for_each_other_for_ever_are_told(name: str, tmp_path: Path) -> None:
    for told in on_two(partial(last, name), tmp_path):
        assert WAITS[name] in told


@pytest.mark.parametrize("name", ENDS)
def test_the_rank_that_ends_is_the_reason(name: str, tmp_path: Path) -> None:
    first, second = on_two(partial(last, name), tmp_path)
    assert ENDS[name] in second
    assert account([RuntimeError(first), RuntimeError(second)]) == FailureReason.told("raised", second)


def test_what_reports_come_to() -> None:
    two = [Told({"a": 1.0, "b": 4.0}), Told({"a": 3.0, "b": 0.0})]
    assert reduced(two) == {"a": 2.0, "b": 2.0}
    assert reduced([Told(one.metrics, {"a": "sum", "b": "min"}) for one in two]) == {"a": 4.0, "b": 0.0}
    assert reduced([Told(one.metrics, "rank0") for one in two]) == {"a": 1.0, "b": 4.0}
    assert reduced([Told({"a": 1.0}, "rank0"), Told({})]) == {"a": 1.0}
    assert math.isnan(reduced([Told({"a": math.nan}), Told({"a": math.nan})])["a"]), "as it is on one worker"
    assert math.isnan(reduced([Told({"a": math.nan}), Told({"a": 1.0})], ["a"])["a"])
    assert where_not_finite([Told({"a": math.nan}), Told({"a": math.nan})], "a") == ""
    with pytest.raises(BadReport, match="a is rank 0's, as asked for by reduce, and rank 1 alone reported it"):
        reduced([Told({}), Told({"a": 1.0}, "rank0")])
    with pytest.raises(BadReport, match="a was reported by ranks 0, 2 of 3 alone"):
        reduced([Told({"a": 1.0}), Told({}), Told({"a": 1.0})])
    with pytest.raises(BadReport, match="rank 1 reported a sharded save, others did not"):
        reduced([Told({}, saves=True), Told({}, saves=True, sharded=True)])
    with pytest.raises(BadReport, match="reduce names 'b', which is not reported"):
        Told({"a": 1.0}, {"b": "sum"}).checked()
    with pytest.raises(BadReport, match="received 'mea', did you mean mean"):
        Told({"a": 1.0}, "mea").checked()  # type: ignore[arg-type]


def test_a_function_on_several_workers_divides_its_work_itself() -> None:
    text = f"workload: {FUNCTION}\ndata: {{name: wine}}\nparameters: {{fault: {{values: [none]}}}}\nfinal: none\n"
    parse_sweep(text + "resources: {workers: [1, 2]}\n", "sweep.yaml", None, catalogue=catalogue())
    with pytest.raises(SpecError) as refused:
        parse_sweep(
            text + "resources: {workers: 2, strategy: fsdp, lr_scaling: sqrt}\n",
            "s.yaml",
            None,
            catalogue=catalogue(),
        )
    assert f"resources.strategy: has no effect on {FUNCTION}, which wraps its model itself" in str(refused.value)
    assert f"resources.lr_scaling: has no effect on {FUNCTION}, which has no parameter lr" in str(refused.value)
