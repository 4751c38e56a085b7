"""What stands on the pages can be typed: every spec is sound, and the blocks that are marked to run do.

``<!-- run -->`` before a block of ``python``, or of ``console`` (its lines behind ``$``), runs it, in the order of
the page, in one folder for the page. Specs are written there as they come: as the file that their first line names
in a comment, else as sweep.yaml; a block of Python whose first line is ``# NAME.py`` is such a file.
``<!-- run: exit 2 -->`` says how a command ends; what takes long is ``<!-- run: soak -->``, for ``make soak``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cluster.cli.main import main
from cluster.sweep.mlflow_models import pinned
from tests.docs.fixtures import write_data
from tests.docs.markdown_files import Block, blocks, files
from tests.helpers.paths import ROOT

SPEC = re.compile(r"(#.*\n)*(workload:|program:|name: .*\n(.*\n)*?(workload|program):)")
FILE = re.compile(r"# ([\w./-]+\.(?:py|ya?ml))\b")
TIMEOUT_S = 300


def specs() -> Iterator[Any]:
    for path in files():
        for block in blocks(path.read_text(encoding="utf-8")):
            if is_spec(block):
                yield pytest.param(path, block, id=f"{path.relative_to(ROOT)}:{block.line}")


def is_spec(block: Block) -> bool:
    return block.kind == "yaml" and SPEC.match(block.text) is not None


def file_of(block: Block) -> str | None:
    """The file that a block is, where it is one."""
    named = FILE.match(block.text)
    if block.kind == "python":
        return named[1] if named else None
    return (named[1] if named else "sweep.yaml") if is_spec(block) else None


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    sys.path[:] = [entry for entry in sys.path if entry != str(tmp_path)]


@pytest.mark.parametrize(("path", "block"), list(specs()))
def test_a_spec_on_a_page_is_sound(
    path: Path, block: Block, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinned, "_versions", lambda *_: ({}, []))  # models that other blocks of the page register
    for other in blocks(path.read_text(encoding="utf-8")):
        if other.kind == "python" and (name := file_of(other)):
            (folder / name).write_text(other.text)
    (folder / "sweep.yaml").write_text(block.text)
    write_data(YAML(typ="safe").load(block.text), folder)
    code = main(["check", "sweep.yaml"])
    assert code == 0, capsys.readouterr().err


def running(soak: bool) -> Iterator[Any]:
    """The pages with blocks that run; with those of the long form only where there are some, and then marked so."""
    for path in files():
        marks = [block.run for block in blocks(path.read_text(encoding="utf-8")) if block.run is not None]
        if ("soak" in marks) if soak else any(mark != "soak" for mark in marks):
            yield pytest.param(path, soak, id=str(path.relative_to(ROOT)), marks=[pytest.mark.soak] if soak else [])


@pytest.mark.slow
@pytest.mark.parametrize(("path", "soak"), [*running(soak=False), *running(soak=True)])
def test_the_marked_blocks_of_a_page_run_in_order(path: Path, soak: bool, tmp_path: Path) -> None:
    environment = with_paceline(tmp_path / "bin")
    work = tmp_path / "work"
    work.mkdir()
    for block in blocks(path.read_text(encoding="utf-8")):
        if name := file_of(block):
            (work / name).write_text(block.text)
        if is_spec(block):
            write_data(YAML(typ="safe").load(block.text), work)
        if block.run is None or (block.run == "soak" and not soak):
            continue
        wanted = int(block.run.removeprefix("exit ")) if block.run.startswith("exit ") else 0
        for command in typed(block, work):
            done = subprocess.run(
                command, cwd=work, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
            )
            told = f"{path.name}:{block.line}: {command[-1]}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            assert done.returncode == wanted, told


def typed(block: Block, work: Path) -> list[list[str]]:
    """The commands of a block: its lines behind ``$``, with those that a backslash or an indentation continues."""
    if block.kind == "python":
        script = work / (file_of(block) or f"block_{block.line}.py")
        script.write_text(block.text)
        return [[sys.executable, str(script)]]
    found = re.findall(r"^\$ ((?:.*\\\n)*.*)", block.text, re.M)
    return [["bash", "-ec", re.sub(r"\s+#.*", "", command)] for command in found]


def with_paceline(folder: Path) -> Mapping[str, str]:
    """An environment in which ``paceline`` and ``python`` are this repository's."""
    folder.mkdir()
    script = folder / "paceline"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cluster.cli "$@"\n')
    script.chmod(0o755)
    (folder / "python").symlink_to(sys.executable)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
