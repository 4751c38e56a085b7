"""The working folder comes last where modules are looked for, in a process and in those that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from search_spaces.types.module_path import HOME, PATHS, command, environment, working_folder_last


def test_the_working_folder_is_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    here, before = str(tmp_path), [path for path in sys.path if path]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", here, f"{here}/link", *before])
    monkeypatch.setenv(PATHS, os.pathsep.join(["", "/elsewhere", here]))
    working_folder_last()
    working_folder_last()
    assert sys.path == [*before, here] and os.environ[PATHS] == "/elsewhere"
    (tmp_path / "calendar.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "own.py").write_text("FOUND = 'own'")
    code = "import calendar, own, sys; print(own.FOUND, sys.path[-1])"
    done = subprocess.run(command("-c", code), env={**os.environ, **environment()}, capture_output=True, text=True)
    assert done.stdout.split() == ["own", here], done.stderr


def test_in_the_source_tree_the_order_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HOME)
    monkeypatch.setattr(sys, "path", [HOME, "/elsewhere"])
    working_folder_last()
    assert sys.path == [HOME, "/elsewhere"]
