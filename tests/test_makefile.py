"""What `make` says and does before the first command runs, with a Python that installs nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

PYTHON = """#!/bin/sh
echo "$@" >> "{log}"
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the tools that the Makefile calls and no nvidia-smi, and a Python that notes its arguments."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "touch", "mkdir"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON.format(log=tmp_path / "calls"))
    python.chmod(0o755)
    return tmp_path


def install(machine: Path, *arguments: str) -> str:
    """What `make install` prints."""
    venv = machine / "venv"
    words = [str(shutil.which("make")), "install", f"VENV={venv}", f"PYTHON={venv}/bin/python", *arguments]
    environment = {**os.environ, "PATH": str(machine / "tools")}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_first_install_says_how_much_it_fetches_and_shows_pips_progress(machine: Path) -> None:
    said = install(machine)
    assert "about 5.4 GB" in said and "2 to 3 minutes" in said
    assert "no NVIDIA GPU" in said and "make demo CPU_INDEX=URL" in said
    calls = (machine / "calls").read_text()
    assert "pip install --editable" in calls and "--quiet" not in calls
    assert "torchvision" not in calls


def test_a_second_install_does_nothing(machine: Path) -> None:
    install(machine)
    before = (machine / "calls").read_text()
    assert "GB" not in install(machine)
    assert (machine / "calls").read_text() == before


def test_a_machine_with_an_nvidia_gpu_is_not_told_of_the_cpu_build(machine: Path) -> None:
    smi = machine / "tools" / "nvidia-smi"
    smi.write_text("#!/bin/sh\n")
    smi.chmod(0o755)
    said = install(machine)
    assert "about 5.4 GB" in said and "CPU_INDEX" not in said


def test_the_cpu_build_takes_torch_and_torchvision_from_one_index(machine: Path) -> None:
    said = install(machine, "CPU_INDEX=https://index.example.org/cpu")
    assert "CPU build" in said and "5.4 GB" not in said
    venv, torch, paceline, _ = (machine / "calls").read_text().splitlines()
    assert torch == "-m pip install --index-url https://index.example.org/cpu torch torchvision --no-compile"
    assert "index-url" not in paceline and "venv" in venv
