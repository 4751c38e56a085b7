"""What cannot work on the data: refused before anything starts, or one failed trial of a sweep that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.sweep.data_process import check_first, first
from search_spaces.spec.sweep import parse_sweep
from tests.helpers.commands import agree
from tests.helpers.reviews import reviews
from tests.helpers.sweep_here import Here
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.registry import catalogue

SWEEP = """
workload: cnn
data: {name: digits}
parameters:
  padding: valid
  kernel_size: %s
  blocks: 1
  channels: 2
  batch_size: 256
  lr: {values: [0.01, 0.02]}
trials: 2
epochs: 1
cohort: 1
final: none
"""


def test_the_defaults_with_the_fixed_values_are_checked_against_the_data() -> None:
    from search_spaces.spec.data import Data

    search = prepare(Data(name="digits")).search
    check_first("cnn", {}, search)
    check_first("softmax", {}, search)
    check_first("cnn", {"padding": "valid", "blocks": 1}, search)
    with pytest.raises(DataError, match=r"defaults with padding: valid of workload cnn .* block 3, convolution 1"):
        check_first("cnn", {"padding": "valid"}, search)


@pytest.mark.slow
def test_a_sweep_whose_defaults_cannot_work_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SWEEP % "9")
    done = folder.paceline("run", "sweep.yaml", "--json")
    assert done.returncode == 2, done.stderr
    assert "a window of 9 x 9 without padding does not fit on maps of 8 x 8" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


@pytest.mark.slow
def test_an_infeasible_trial_fails_without_a_retry_and_the_sweep_goes_on(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write((SWEEP % "{values: [3, 9]}").replace("trials: 2", "method: grid"))
    document = folder.document("run", "sweep.yaml")
    states = {(t["params"]["kernel_size"], t["params"]["lr"]): t for t in document["trials"]}
    failed = [trial for trial in states.values() if trial["state"] == "failed"]
    assert {trial["params"]["kernel_size"] for trial in failed} == {9}
    assert all(trial["error"].startswith("infeasible: block 1, convolution 1") for trial in failed)
    assert [trial["failure"]["kind"] for trial in failed] == ["infeasible"] * 2
    agree(folder, document, len(document["trials"]))


def test_each_model_of_a_search_is_looked_for_and_all_that_are_not_here_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    spec = "workload: language\ndata: {csv: reviews.csv, target: label, text: review}\nparameters: {model: %s}"
    search = reviews(tmp_path).search

    def checked(model: str) -> str | None:
        sweep = parse_sweep(spec % model, "s.yaml", tmp_path, catalogue=catalogue())
        return check_first("language", sweep.constants, search, [*sweep.space.domains], first(sweep))

    checked("none")
    checked("{values: [none]}")
    with pytest.raises(DataError) as refused:
        checked("{values: [none, nobody/a, /no/folder]}")
    lines = str(refused.value).splitlines()
    assert [line.split(":")[:2] for line in lines] == [
        ["parameters.model", f" '{n}'"] for n in ("nobody/a", "/no/folder")
    ]
