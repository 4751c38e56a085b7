"""A spec that is right: what it becomes, what goes over what, and that its own text gives it back."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from search_spaces.domain import Choice, Int, LogUniform, Uniform
from search_spaces.faults import SpecError
from search_spaces.laws import Normal
from search_spaces.spec_file import EarlyTerminate, Final
from search_spaces.sweep import load_sweep, parse_sweep
from tests.spec_catalogue import CATALOGUE
from tests.spec_texts import FULL, HEAD, parsed


def test_the_shortest_spec_has_every_default() -> None:
    sweep = parsed(HEAD)
    assert (sweep.name, sweep.method, sweep.trials, sweep.epochs, sweep.seed) == ("mlp-digits", "tpe", 20, 10, 0)
    assert (sweep.metric.name, sweep.metric.goal, sweep.metric.target) == ("val_acc", "maximize", None)
    assert sweep.early_terminate == EarlyTerminate(type="asha", min_iter=1, eta=3)
    assert sweep.final == Final(top=3, seeds=5)
    assert sweep.space.domains == {
        "lr": LogUniform(1e-4, 0.1),
        "batch_size": Choice((32, 64, 128)),
        "dropout": Uniform(0.0, 0.5),
    }
    assert sweep.constants == {} and sweep.start_from == ()
    assert (sweep.max_concurrent, sweep.cohort, sweep.timeout_s, sweep.max_failures) == (None, None, None, 3)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "table.csv").write_text("x0,x1,label\n1,2,a\n")
    return tmp_path


def test_every_key_arrives(table: Path) -> None:
    sweep = parsed(FULL, base=table)
    assert sweep.data.csv == str(table / "table.csv") and sweep.data.split.seed == 3
    assert (sweep.method, sweep.metric.goal, sweep.metric.target) == ("tpe", "minimize", 0.1)
    assert sweep.constants == {"batch_norm": False, "batch_size": 32}
    assert sweep.space.domains == {
        "width": Int(32, 512, 32),
        "depth": Int(1, 8, log=True),
        "lr": LogUniform(math.exp(-9.2), math.exp(-2.3)),
        "optimizer": Choice(("sgd", "adam"), (0.25, 0.75)),
        "momentum": Normal(0.8, 0.1, 0.0, 0.99),
    }
    assert sweep.space.when == {"momentum": {"optimizer": ("sgd",)}}
    assert sweep.start_from == ({"lr": 0.01}, {"optimizer": "sgd", "momentum": 0.5})
    assert (sweep.trials, sweep.epochs, sweep.seed, sweep.max_concurrent, sweep.cohort) == (33, 27, 7, 2, 4)
    assert (sweep.timeout_s, sweep.max_failures) == (5400.0, 1)
    assert (sweep.resources.cpus, sweep.resources.gpus, sweep.resources.workers) == (2.0, 0.5, 1)
    assert (sweep.tracking.uri, sweep.tracking.experiment) == ("http://localhost:5000", "exp")


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        FULL,
        HEAD + "final: none\nearly_terminate: none\nmax_concurrent: auto\ncohort: auto\ntracking: {uri: auto}",
        HEAD + "name: '0x1F'",
        HEAD + "epochs: 1\nname: é ☃ 'q' \"d\"\ndescription: |\n  two\n\n  lines: x # y\n",
        HEAD + "method: grid\nparameters: {dropout: {min: 0.0, max: 0.6, step: 0.2}, depth: {min: 1, max: 3}}",
        HEAD
        + "parameters: {lr: {min: 1, max: 9, log: true}, weight_decay: {distribution: q_beta, a: 1, b: 2, q: 0.1}}",
        HEAD + "parameters: {weight_decay: {distribution: q_log_uniform_values, min: 1e-3, max: 1, q: 1e-3}}",
        HEAD + "parameters: {width: {values: [1, 2]}, depth: {value: 3, when: {width: [1]}}}",
    ],
)
def test_its_own_text_gives_an_equal_sweep_anywhere(text: str, table: Path) -> None:
    sweep = parsed(text, base=table)
    again = parsed(sweep.to_text(), base=Path("/nowhere"))
    assert again == sweep
    assert again.to_text() == sweep.to_text()


def test_numbers_and_words_are_those_of_yaml_1_2() -> None:
    text = HEAD + "name: no\ndescription: on\ntrials: 010\nparameters: {lr: {values: [1e-4, 1E-3, .1]}}"
    sweep = parsed(text)
    assert (sweep.name, sweep.description, sweep.trials) == ("no", "on", 10)
    assert sweep.space.domains["lr"] == Choice((1e-4, 1e-3, 0.1))


def test_anchors_are_read_and_headings_are_free() -> None:
    text = HEAD + "parameters:\n  training:\n    lr: &r {min: 0.001, max: 0.1}\n    deep: {weight_decay: *r}\n"
    assert parsed(text).space.domains == {"lr": Uniform(0.001, 0.1), "weight_decay": Uniform(0.001, 0.1)}


def test_a_constant_parent_settles_a_condition() -> None:
    sweep = parsed(
        HEAD + "parameters: {optimizer: sgd, momentum: {min: 0.1, max: 0.9, when: {optimizer: [sgd, adam]}}}"
    )
    assert sweep.space.when == {} and list(sweep.space.domains) == ["momentum"]


@pytest.mark.parametrize(
    ("text", "trials"),
    [
        ("method: grid\nparameters: {depth: {min: 1, max: 3}, width: {values: [8, 16]}}", 6),
        ("method: grid\ntrials: 4\nparameters: {depth: {min: 1, max: 3}, width: {values: [8, 16]}}", 4),
        ("method: grid\ntrials: 40\nparameters: {depth: {min: 1, max: 3}, width: {values: [8, 16]}}", 6),
        ("method: grid\nparameters: {depth: {min: 1, max: 3, when: {width: 8}}, width: {values: [8, 16]}}", 4),
        ("parameters: {lr: 0.1}", 1),
        ("method: random", 20),
    ],
)
def test_trials_default_to_what_makes_sense(text: str, trials: int) -> None:
    assert parsed(HEAD + text).trials == trials


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("1d 1s", 86401), ("2.5", 2.5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parsed(f"{HEAD}timeout: {text}").timeout_s == seconds


def test_overrides_go_over_the_file_and_the_last_one_wins() -> None:
    sweep = parsed(HEAD + "epochs: 5\ntrials: 9", "epochs=6", "run_cap=7", "epochs=8", "final.top=1", "name=a=b")
    assert (sweep.epochs, sweep.trials, sweep.final, sweep.name) == (8, 7, Final(top=1), "a=b")


def test_overrides_reach_into_parameters_lists_and_the_default_space() -> None:
    assert parsed(HEAD, "parameters.lr.max=0.01").space.domains["lr"] == LogUniform(1e-4, 0.01)
    assert list(parsed(HEAD, "parameters.lr.max=0.01").space.domains) == ["lr", "batch_size", "dropout"]
    assert parsed(HEAD, "parameters={lr: {min: 0.1, max: 1.0}}").space.domains == {"lr": Uniform(0.1, 1.0)}
    assert parsed(HEAD, "parameters.dropout=0.5").constants == {"dropout": 0.5}
    values = parsed(HEAD, "parameters.batch_size.values.1=48").space.domains["batch_size"]
    assert values == Choice((32, 48, 128))
    assert CATALOGUE.workload("mlp").space["batch_size"] == {"values": [32, 64, 128]}, "the catalogue is untouched"


def test_the_workload_itself_can_be_overridden() -> None:
    assert parsed(HEAD, "workload=cnn", "parameters.depth=3").constants == {"depth": 3}


@pytest.mark.parametrize(
    ("override", "path", "rule"),
    [
        ("epochs", "", "must be key=value"),
        (".=3", "", "must be key=value"),
        ("epochs=[", "epochs", "must be valid YAML"),
        ("epochs=x", "epochs", "must be a whole number"),
        ("epochs.x=3", "epochs", "has no keys inside"),
        ("epoch=3", "epoch", "unknown key"),
        ("parameters.lr.min=-1", "parameters.lr.min", "must be > 0 for a log scale"),
        ("parameters.batch_size.values.9=1", "parameters.batch_size.values.9", "the number of an item, 0 to 2"),
        ("metric.nam=val_acc", "metric.nam", "unknown key"),
    ],
)
def test_a_faulty_override_is_named_as_the_place(override: str, path: str, rule: str) -> None:
    with pytest.raises(SpecError) as caught:
        parsed(HEAD + "epochs: 5", override)
    (fault,) = caught.value.faults
    assert (fault.place, fault.path) == (f"override {override}", path)
    assert rule in fault.rule


def test_a_sweep_of_the_past_is_read_when_its_data_is_gone(table: Path) -> None:
    sweep = parsed(FULL, base=table)
    (table / "table.csv").unlink()
    assert parse_sweep(sweep.to_text(), "spec.yaml", None, catalogue=CATALOGUE) == sweep
    with pytest.raises(SpecError, match="no such file"):
        parse_sweep(sweep.to_text(), "spec.yaml", table, catalogue=CATALOGUE)


def test_a_file_is_found_with_its_data_beside_it(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (table / "s.yaml").write_text(
        "\ufeff" + "workload: mlp\r\ndata: {csv: table.csv, target: label, test: table.csv}\r\n"
    )
    monkeypatch.chdir(table.parent)
    sweep = load_sweep(Path(table.name) / "s.yaml", ["seed=4"], catalogue=CATALOGUE)
    assert (sweep.data.csv, sweep.data.test, sweep.seed) == (*2 * (str(table / "table.csv"),), 4)
