"""A user's function is read from its file without what that imports, where the text alone tells its interface."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from search_spaces.types.module_path import users_folder
from workloads.models.custom.source.read_function import read_function
from workloads.models.custom.workload import interface, refuse_other, workload_of
from workloads.registry import described, workload

PLAIN = '''\
"""Mine."""
from __future__ import annotations
import enum
import json as heavy  # stands for one that takes long
from pathlib import Path
from typing import Annotated, Literal
from pydantic import Field
from workloads.own_loop import Run
print("run")
WIDTHS = [32, 64]
LEAST = 1e-4
SPACE = {"lr": {"min": LEAST, "max": 0.1, "log": True}}
HOME = Path(__file__).parent
RESULT = heavy.loads("[1]")
def unused():
    global WIDTHS
    WIDTHS = []
class Kind(enum.Enum):
    SMALL = "small"
    LARGE = "large"
def helper(x=heavy.loads("1")): return x
def train(run: Run, *, lr: Annotated[float, Field(ge=LEAST, description="the rate")] = 1e-2,
          kind: Kind = Kind.SMALL, depth: int | None = None, layers: list[int] = WIDTHS,
          word: Literal["a", "b"] = "a"):
    """Learns.

    More."""
    import a_module_that_is_not_there
train.space = SPACE
train.metrics = {"val_own": "maximize"}
def predict(folder: Path, x: heavy.JSONDecoder) -> heavy.JSONEncoder: ...
predict.returns = "logits"
if __name__ == "__main__":
    train(None)
'''
MISLEADING = {
    "a decorator": "import functools\n@functools.cache\ndef train(run, *, lr: float = 1.0): ...",
    "made anew": "def train(run, *, lr: float = 1.0): ...\ntrain = print",
    "another name": "def train(run, *, lr: float = 1.0): ...\nother = train\nother.space = {}",
    "a call": "def train(run, *, lr: float = 1.0): ...\nsetattr(train, 'space', {})",
    "a loop": "def train(run, *, lr: float = 1.0): ...\nfor each in [train]: each.space = {}",
    "a loop over a list made before": "def train(run): ...\nall_of = [train]\nfor t in all_of: t.space = {}",
    "a list of a list": "def train(run): ...\na = [train]\nb = {'a': a}\nb['a'][0].space = {}",
    "a call whose value is kept": "import json\ndef train(run): ...\nkept = json.dumps(train)",
    "a global of a called helper": "RATE = 1.0\ndef helper():\n    global RATE\n    RATE = 2.0\nhelper()\n"
    "def train(run, *, lr: float = RATE): ...",
    "a helper of a helper": "W = [1]\ndef inner(): W.append(2)\ndef helper(): inner()\nx = helper()\n"
    "def train(run, *, layers: list[int] = W): ...",
    "a helper in a default": "W = [1]\ndef helper(): W.append(2)\ndef other(x=helper()): ...\n"
    "def train(run, *, layers: list[int] = W): ...",
    "a helper in a class": "W = [1]\ndef helper(): W.append(2)\nclass A:\n    x = helper()\n"
    "def train(run, *, layers: list[int] = W): ...",
    "a decorator of one's own": "W = [1]\ndef counted(f):\n    W.append(2)\n    return f\n@counted\n"
    "def other(): ...\ndef train(run, *, layers: list[int] = W): ...",
    "the module itself": "import sys\ndef train(run): ...\nsys.modules[__name__].train.space = {}",
    "any name": "def train(run): ...\nfor name in ('tr' + 'ain',): globals()[name].space = {}",
    "words that are run": "def train(run): ...\nexec('train.space = {}')",
    "a condition": "import os\nif os.name:\n    def train(run, *, lr: float = 1.0): ...",
    "globals": "def train(run): ...\nglobals()['train'].space = {}",
    "a default of a library": "import json\ndef train(run, *, lr: float = json.loads('1')): ...",
    "an effect": "def train(run, *, lr: float = open('x')): ...",
    "all names": "from json import *\ndef train(run, *, lr: float = 1.0): ...",
    "predict from elsewhere": "from json import loads as predict\ndef train(run, *, lr: float = 1.0): ...",
    "a module that is not there": "import not_there_at_all\ndef train(run, *, lr: float = 1.0): ...",
    "an else": "def train(run): ...\nif __name__ == '__main__': ...\nelse: train.space = {}",
    "an import alone": "def train(run): ...\nif __name__ != '__main__': train.space = {}",
    "an error": "RATE = {}['lr']\ndef train(run, *, lr: float = RATE): ...",
    "no Python": "def train(run, *, lr: float = 1.0): ...\n%",
    "no such function": "def other(run): ...",
}


def test_what_is_read_equals_what_an_import_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine_read.py"
    path.write_text(PLAIN)
    found = read_function(path, "train")
    assert found is not None and capsys.readouterr().out == ""
    read = workload_of("mine_read:train", found)
    spec = importlib.util.spec_from_file_location("mine_read", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["mine_read"] = module
    try:
        spec.loader.exec_module(module)
        imported = workload_of("mine_read:train", module.train)
    finally:
        del sys.modules["mine_read"]
    assert interface(read) == interface(imported)
    assert (read.summary, read.judged, read.space) == (
        "Learns.",
        True,
        {"lr": {"min": 1e-4, "max": 0.1, "log": True}},
    )
    refuse_other(imported, interface(read))
    with pytest.raises(RuntimeError, match=r"than its file says \(parameter lr, predict\): put a decorator on it"):
        refuse_other(imported, {**interface(read), "parameter lr": "", "predict": "False"})


@pytest.mark.parametrize("code", MISLEADING.values(), ids=MISLEADING)
def test_nothing_is_read_of_what_depends_on_more_than_the_text(code: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(code)
    assert read_function(tmp_path / "mine.py", "train") is None


def test_a_driver_knows_the_function_without_its_module_and_a_lane_imports_it(tmp_path: Path) -> None:
    (tmp_path / "mine_to_read.py").write_text("import sys\ndef train(run, *, lr: float = 1.0): ...\n")
    users_folder(tmp_path)
    assert described("mine_to_read:train").hyperparameters().lr == 1.0
    assert "mine_to_read" not in sys.modules
    (tmp_path / "mine_to_read.py").write_text("import sys\ndef train(run, *, lr: float = 2.0): ...\n")
    assert described("mine_to_read:train").hyperparameters().lr == 2.0
    assert workload("mine_to_read:train").hyperparameters().lr == 2.0
    assert sys.modules.pop("mine_to_read")
