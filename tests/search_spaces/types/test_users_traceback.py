"""An error of users' code is shown by their own lines, from the first of theirs on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from search_spaces.types.errors.users_traceback import users_traceback
from workloads.models.custom.predictions import Predictions
from workloads.training.memory_limits import attempt

CODE = """\
import json, sys
def deep(what):
    if what == "library":
        json.loads("{")
    if what == "cause":
        try:
            json.loads("{")
        except ValueError as error:
            raise KeyError("größer") from error
    raise what
"""


def told(tmp_path: Path, what: Any) -> str:
    names: dict[str, Any] = {}
    exec(compile(CODE, str(tmp_path / "mine.py"), "exec"), names)
    return raised(partial(names["deep"], what))


def raised(action: Callable[[], Any]) -> str:
    with pytest.raises(BaseException) as found:
        attempt(action)
    assert found.tb is not None
    return users_traceback(found.value.with_traceback(found.tb.tb_next))  # without this file, a user's one


def test_only_frames_before_the_user_s_first_one_are_left_out(tmp_path: Path) -> None:
    lines = told(tmp_path, "library").splitlines()
    assert lines[1].startswith(f'  File "{tmp_path}/mine.py", line 4, in deep')
    assert any("json/decoder.py" in line for line in lines) and "memory_limits" not in "".join(lines)
    both = told(tmp_path, "cause")
    assert "direct cause" in both and both.rstrip().endswith("KeyError: 'größer'") and "memory_limits" not in both


def test_what_ends_a_program_is_told_on_the_same_line(tmp_path: Path) -> None:
    assert told(tmp_path, SystemExit("no data")).endswith(
        "SystemExit: no data (sys.exit was called: return, or raise an error that says why)\n"
    )
    assert "KeyboardInterrupt (it was raised by this code" in told(tmp_path, KeyboardInterrupt())


def test_what_we_say_of_their_code_is_a_sentence_and_an_error_of_ours_is_whole() -> None:
    said = raised(partial(Predictions("classes", 3, "classification").scores, ["a"], 1))
    assert said.startswith("predict must return") and "\n" not in said
    assert "memory_limits.py" in raised(sys.getsizeof)
