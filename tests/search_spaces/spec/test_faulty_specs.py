"""Faulty specs as whole commands: told with exit code 2, before anything heavy is imported; nothing is left."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cluster.cli.main import main
from tests.helpers.faulty_specs import BOMBS, FAULTY, LARGE, RAW, SPEC, TABLES, Place

HEAVY = {"ray", "torch", "torchvision", "mlflow", "pandas", "sklearn", "numpy", "scipy", "pyarrow", "optuna"}
IMPORTED = "import time:"
SAMPLE = [name for table in TABLES for name in list(table)[::4]]
"""Of those that have a test of their own; the benchmark runs them all."""
ALL = [*RAW, *SAMPLE, *LARGE, *BOMBS]
COMMANDS = ["no spec", "binary", SAMPLE[0], "large table", "many brackets"]
"""One of each kind, in a process of its own."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One place for all, so that what a command leaves is seen at the next."""
    return Place.make(tmp_path_factory.mktemp("faulty"), large_bytes=3 * 2**20)


@pytest.mark.parametrize("name", ALL)
def test_a_faulty_spec_is_refused_and_leaves_nothing(
    name: str, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.put(FAULTY[name])
    before = place.files()
    monkeypatch.chdir(place.here)
    for variable, value in place.own_environment().items():
        monkeypatch.setenv(variable, value)
    assert main(["run", SPEC]) == 2
    out, err = capsys.readouterr()
    assert FAULTY[name].is_told(err), err
    assert out == ""
    assert place.files() == before


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in COMMANDS else pytest.mark.soak) for name in ALL]
)
def test_a_faulty_spec_is_refused_before_anything_heavy_is_imported(name: str, place: Place) -> None:
    place.put(FAULTY[name])
    before = place.files()
    command = [sys.executable, "-X", "importtime", "-m", "cluster.cli", "run", SPEC]
    done = subprocess.run(command, cwd=place.here, env=place.environment(), capture_output=True, text=True)
    lines = done.stderr.splitlines()
    told = "\n".join(line for line in lines if not line.startswith(IMPORTED))
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if line.startswith(IMPORTED)}
    assert done.returncode == 2, told
    assert FAULTY[name].is_told(told), told
    assert done.stdout == ""
    assert {"click", "cluster", "search_spaces"} <= loaded
    # The footer of a Parquet file is read by its library.
    assert not loaded & (HEAVY - {"pyarrow", "numpy"} if "parquet" in name or "parquet" in told else HEAVY)
    assert place.files() == before


def test_the_places_of_the_commands_are_empty(place: Place) -> None:
    assert {path.name for path in place.root.iterdir()} == {"data", "here", "home", "tmp"}
    assert not [path for name in ("here", "home", "tmp") for path in (place.root / name).iterdir()]


def test_a_wide_table_is_named_by_its_ends(place: Place) -> None:
    """Of 20,000 columns the last are still compared with what was written."""
    spec = "workload: mlp\ndata: {parquet: large/wide.parquet, target: gene_19_999}\n"
    (place.root / "data" / "sweep.yaml").write_text(spec)
    command = [sys.executable, "-m", "cluster.cli", "run", SPEC]
    done = subprocess.run(command, cwd=place.here, env=place.environment(), capture_output=True, text=True)
    assert done.stderr.strip().endswith("did you mean 'gene_19999'?")
