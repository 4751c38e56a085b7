"""Functions of users' on several workers: what their reports come to, what they save, what is told of faults."""

from __future__ import annotations

import math
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.failure import FailureReason
from search_spaces.types.faults import SpecError
from tests.helpers.one_trial import leg, reported, resumed, runner, trained
from tests.helpers.two_workers import on_two
from workloads.legs.ray_train import account
from workloads.models.custom.ranks import together
from workloads.models.custom.ranks.reports import BadReport, Told, reduced, where_not_finite
from workloads.registry import catalogue
from workloads.training.process_group import ProcessGroup

FUNCTION = "tests.helpers.on_ranks:train"
REFUSED = {
    "one rank": "val_f1 was reported by rank 0 of 2 alone: report it on every rank, or on rank 0 with reduce=",
    "nan of another": "val_f1 is nan on rank 1 alone",
    "unknown reduction": "reduce must be one of mean, sum, min, max, rank0, received 'average'",
    "same name": "ranks 0 and 1 saved different files named model: put run.rank into the name",
}
WAITS = {
    "crossed": "ranks wait for each other for ever, rank 0 at on_ranks.py:61, rank 1 at on_ranks.py:63: all",
    "fewer": "rank 1 waits for the other ranks at on_ranks.py:31, and they wait for it: each must",
    "saved alone": "save was called on rank 0 alone, and run.report(save, sharded=True) calls it on every rank",
}
ENDS = {
    "ends early": "train on rank 1 ended behind epoch 1: it must report every epoch up to run.num_epochs = 4, or",
    "ends before": "train on rank 1 ended behind epoch 1: it must report every epoch up to run.num_epochs = 4, or",
}


def fault(name: str, group: ProcessGroup, folder: Path) -> str:
    """Return what is told where the function does this."""
    lane = runner(folder, FUNCTION, group)
    try:
        trained(lane, leg(0, 4, fault=name))
        lane.save()
    except Exception:  # noqa: BLE001 - told
        return traceback.format_exc()
    return "nothing"


def each(group: ProcessGroup, folder: Path) -> dict[str, Any]:
    """What each of two processes does."""
    found: dict[str, Any] = {}
    found["told"] = trained(runner(folder / "told", FUNCTION, group), leg(0, 2, fault="rank 0's"))
    found["drawn"] = resumed(FUNCTION, group, folder / "drawn", fault="drawn")
    found["shards"] = resumed(FUNCTION, group, folder / "shards", fault="shards")[2]
    lane = runner(folder, FUNCTION, group)
    lane.start(leg(0, 4, fault="nan"))
    [diverged] = lane.epoch()
    found["nan"] = str(diverged.failure)
    found["done"] = ended_together(group, folder / "done")
    found["one"] = fault("saved by one", group, folder / "one")
    found |= {name: fault(name, group, folder) for name in REFUSED}
    return found


def ended_together(group: ProcessGroup, folder: Path) -> list[Any]:
    """Return what is told of a function that returns on all ranks, and then where it is begun again."""
    lane, told = runner(folder, FUNCTION, group), []
    for start in (0, 2):
        uri = lane.save()[0].uri if start else None
        group.gathered(None)  # rank 0 has written it
        told.append([(one.epoch, one.finished) for one in reported(lane, leg(start, 4, uri, fault="returns"))])
    return told


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


def test_each_rank_s_files_are_in_one_folder(both: Any) -> None:
    files = Path(both[0]["shards"], "files")
    found = {path.relative_to(files).as_posix(): path.read_bytes() for path in files.rglob("*") if path.is_file()}
    assert found == {"rank0": b"0", "rank1": b"1", "deep/0": b"", "deep/1": b"\0", "same": b"same"}


def test_a_function_that_returns_on_all_ranks_is_done(both: Any) -> None:
    assert [one["done"] for one in both] == [[[(1, False), (2, False), (2, True)], [(2, True)]]] * 2


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
    """It may be waited for in torch, or have no part in what the others report."""
    assert all(ENDS[name] in told for told in on_two(partial(last, name), tmp_path))


def test_the_rank_that_raises_is_the_reason(tmp_path: Path) -> None:
    first, second = on_two(partial(last, "raises"), tmp_path)
    assert "KeyError: \"column 'age'\"" in second
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
    with pytest.raises(
        BadReport, match="ranks 1, 2 gave a save and rank 0, whose files are kept, gave none: give it"
    ):
        reduced([Told({}), Told({}, saves=True), Told({}, saves=True)])
    assert reduced([Told({}, saves=True), Told({})]) == {}
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
