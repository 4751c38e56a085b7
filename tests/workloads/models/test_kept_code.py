"""Code of a notebook: kept by value with what it uses, found again by its name, and refused with the reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from search_spaces.types.files.kept_code import FILE, name_shown
from tests.helpers.paths import ROOT
from workloads.models.custom import kept_code
from workloads.models.custom.kept_code import NotKept, kept, packed
from workloads.registry import as_workload, workload

NOTEBOOK = """
from __future__ import annotations
from typing import Literal
from workloads.models.custom.kept_code import packed
SCALE = 3
def scaled(x):
    return SCALE * x
def train(run, *, lr: float = 0.1, kind: Literal["a", "b"] = "a"):
    return scaled(lr)
def predict(folder, x):
    return scaled(x)
predict.returns = "values"
def test():
    "It belongs to the function, too."
from pathlib import Path
Path("workload.pkl").write_bytes(packed(train))
"""


def written(code: Any, folder: Path) -> str:
    path = folder / FILE
    path.write_bytes(packed(code))
    return f"{path}:{kept_code.named(code)}"


def test_a_script_s_function_is_a_workload_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(NOTEBOOK)
    command = [sys.executable, "script.py"]
    subprocess.run(command, cwd=tmp_path, check=True, env={"PYTHONPATH": str(ROOT), "PATH": ""})
    name = f"{tmp_path}/workload.pkl:train"
    found = workload(name)
    assert found.judged and set(found.hyperparameters.__dataclass_fields__) == {"lr", "kind"}
    train = kept(name)
    assert train(None, lr=2.0) == 6.0, "with the function and the number that it uses"
    beside = sys.modules[train.__module__]
    assert beside.predict(None, 2) == 6 and beside.predict.returns == "values" and callable(beside.test)
    assert kept(name) is train, "loaded once"
    assert name_shown(name) == "train" and name_shown("mine:train") == "mine:train"


def test_what_is_no_code_of_a_sweep_any_more_is_told(tmp_path: Path) -> None:
    def train(run: Any, *, lr: float = 0.1) -> None: ...

    name = written(train, tmp_path)
    path = Path(name.rpartition(":")[0])
    whole = path.read_bytes()
    head, _, content = whole.partition(b"\n")
    for bad, told in (
        (whole[:-1], "is damaged"),
        (b"", "is damaged"),
        (
            json.dumps({**json.loads(head), "python": [3, 8]}).encode() + b"\n" + content,
            "was written by Python 3.8",
        ),
    ):
        path.write_bytes(bad)
        kept_code._loaded.cache_clear()
        with pytest.raises(LookupError, match=told):
            workload(name)
    path.unlink()
    with pytest.raises(LookupError, match="is gone with"):
        workload(name)


def test_what_cannot_be_sent_is_named() -> None:
    numbers = (number for number in range(3))
    large = bytes(17 * 2**20)

    def train(run: Any, *, lr: float = 0.1) -> None:
        next(numbers)

    def greedy(run: Any, *, lr: float = 0.1) -> None:
        print(large)

    with pytest.raises(NotKept, match="it uses 'numbers', and cannot pickle 'generator' object: make that inside"):
        packed(train)
    assert "it uses 'large' of 17 MiB" in kept_code._culprits(greedy)
    for nameless in (lambda run: None, 3):
        with pytest.raises(NotKept, match="must have a name"):
            kept_code.named(nameless)


def test_annotations_that_are_texts_keep_their_meaning() -> None:
    def train(run: Any, *, size: Annotated[int, "odd"] = 1, kind: Literal["a"] = "a") -> None: ...

    before = dict(train.__annotations__)
    assert all(isinstance(each, str) for each in before.values())
    packed(train)
    assert train.__annotations__ == before, "put back"
    with pytest.raises(LookupError, match="neither a function"):
        as_workload("here:x", 3)
