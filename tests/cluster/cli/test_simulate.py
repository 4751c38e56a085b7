"""The command ``simulate``: what it prints, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.cli.main import main
from search_spaces.spec.sweep import load_sweep
from tests.helpers.curve_table import write_curves
from workloads.registry import catalogue

SPEC = """
workload: mlp
data: {name: digits}
epochs: 9
trials: 8
method: random
parameters: {lr: {min: 1e-4, max: 0.1, log: true}, width: {values: [8, 16]}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.yaml"
    path.write_text(SPEC)
    sweep = load_sweep(path, catalogue=catalogue())
    write_curves(tmp_path / "curves.csv", sweep.space, 9, sweep.metric.name)
    return path


def test_schedules_are_compared_in_a_table(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--table", str(spec.with_name("curves.csv")), "--schedules", "asha:eta=2,none", "--lanes", "1,2"]
    assert main(["simulate", str(spec), *arguments, "--seeds", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "table     curves.csv: 20 configurations, 9 epochs each",
        "search    random, 8 trials, 2 seeds",
    ]
    rows = [line.split()[:2] for line in lines if line.startswith(("asha", "none"))]
    assert rows == [["asha:eta=2", "1"], ["asha:eta=2", "2"], ["none", "1"], ["none", "2"]]


@pytest.mark.parametrize(
    ("arguments", "told"),
    {
        "--schedules=ahsa,asha:eta=1": ["did you mean 'asha'?", "must be >= 2, received 1"],
        "--schedules=pbt": ["pbt changes hyperparameters while a trial trains"],
        "--lanes=1,0": ["--lanes: must be numbers of workers from 1 to 100000, as 1,4,16, received '0'"],
        "constraints=[{metric: latency_ms, max: 5}]": [
            "must have a column latency_ms, which a constraint bounds (it"
        ],
        "metrics=[{name: val_accuracy}, {name: params_m}]": ["must have a column params_m, an objective (it has"],
        "repeats.seeds=3": ["repeats: a table has each configuration once: give 'repeats=none' behind the file"],
        "epochs=10": ["curves.csv: must have at least 2 configurations with the epochs 1 to 10"],
    }.items(),
)
def test_what_is_wrong_is_refused(
    spec: Path, arguments: str, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(spec), "--table", str(spec.with_name("curves.csv")), arguments]) == 2
    shown = capsys.readouterr()
    assert not shown.out and all(line in shown.err for line in told)
