"""A whole refusal: every fault at once, in order; files that are no text; and no junk that gets past it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_spaces.spec.sweep import Sweep, load_sweep, parse_sweep
from search_spaces.types.faults import SpecError
from tests.helpers.spec_cases import BASE, refusal
from tests.helpers.spec_catalogue import CATALOGUE


def test_every_fault_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        BASE
        + "  dropout: {min: 0.9, max: 0.1}\nepochs: many\ntrails: 3\n"
        + "metric: {name: test_accuracy}\nfinal: {top: 0}\n"
    )
    error = refusal(text, tmp_path)
    assert [f.place for f in error.faults] == [f"sweep.yaml:{line}" for line in (5, 6, 7, 8, 9)]
    assert (
        str(error).splitlines()[2] == "sweep.yaml:7: trails: unknown key, received 'trails', did you mean 'trials'?"
    )


def test_a_file_full_of_faults_is_told_shortly(tmp_path: Path) -> None:
    error = refusal(BASE + "".join(f"kye{k}: 1\n" for k in range(130)), tmp_path)
    assert len(error.faults) == 130
    assert str(error).splitlines()[100:] == ["and 30 faults more"]


def test_brackets_in_a_text_are_no_nesting(tmp_path: Path) -> None:
    text = f"description: '{'[' * 200}'  #{'{' * 200}\n"
    assert parse_sweep(BASE + text, "sweep.yaml", tmp_path, catalogue=CATALOGUE).description == "[" * 200


def test_faults_of_other_keys_are_told_for_an_unknown_workload(tmp_path: Path) -> None:
    error = refusal("workload: nope\ndata: {name: digits}\nparameters: {x: {min: 2, max: 1}}\nepochs: -1", tmp_path)
    assert {f.path for f in error.faults} == {"workload", "parameters.x.max", "epochs"}


def test_a_name_that_mlflow_cannot_give_to_a_model_is_refused(tmp_path: Path) -> None:
    for name in ("'..'", "' '", "a/b", "'a:b'", "'a\\b'", '"a\\nb"'):
        [fault] = refusal(f"name: {name}\n{BASE}", tmp_path).faults
        assert (fault.path, "it names a model" in fault.rule) == ("name", True), name
    assert parse_sweep(f"name: Größe (2)\n{BASE}", "s.yaml", tmp_path, catalogue=CATALOGUE).name == "Größe (2)"


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"\x7fELF\x02\x01\x01\x00\xff\xfe", "must be UTF-8 text"),
        (b"workload: mlp\nname: \x00", "must be UTF-8 text"),
        ("workload: mlp".encode("utf-16"), "must be UTF-8 text"),
        ("name: é".encode("latin-1"), "must be UTF-8 text"),
        (b"# x\n" * 300_000, "must be at most 128 KiB long"),
    ],
    ids=["binary", "nul", "utf-16", "latin-1", "long"],
)
def test_files_that_are_no_text_are_refused(tmp_path: Path, raw: bytes, rule: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_bytes(raw)
    with pytest.raises(SpecError) as caught:
        load_sweep(path, catalogue=CATALOGUE)
    assert caught.value.faults[0].rule == rule


def test_missing_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "no.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(SpecError, match=reason):
            load_sweep(path, catalogue=CATALOGUE)


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["mlp", "lr", "none", "", "a\tb"])
)
KEYS = [*Sweep.model_fields, "parameters", "lr", "width", "min", "max", "values", "when", "q", "type"]
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
PARAMETER_KEYS = ["min", "max", "step", "log", "q", "distribution", "values", "mu", "sigma", "a", "b"]
LAWS = ["normal", "q_beta", "log_normal", "q_log_uniform", "inv_log_uniform", "beta"]
PARAMETER_VALUES = [0, 1, -1, 0.5, 1e-300, 1e300, 10**30, True, [1], [0, 0.5], *LAWS]


def written(tree: object) -> str:
    """``tree`` in YAML's flow style, which JSON is but for its infinities."""
    return json.dumps(tree).replace("NaN", ".nan").replace("Infinity", ".inf")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tree=st.dictionaries(st.sampled_from([*Sweep.model_fields, "parameters"]), TREES, max_size=5))
def test_any_tree_is_a_sweep_or_a_refusal(tree: dict[str, object]) -> None:
    text = (
        BASE.splitlines()[0] + "\ndata: {name: digits}\n" + "".join(f"{k}: {written(v)}\n" for k, v in tree.items())
    )
    try:
        parse_sweep(text, "sweep.yaml", Path("/"), catalogue=CATALOGUE)
    except SpecError as error:
        assert all(fault.place.startswith("sweep.yaml") for fault in error.faults)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(PARAMETER_KEYS), st.sampled_from(PARAMETER_VALUES), max_size=5))
def test_any_parameter_is_a_domain_inside_its_rule_or_a_refusal(parameter: dict[str, object]) -> None:
    text = f"workload: mlp\ndata: {{name: digits}}\nparameters: {{dropout: {written(parameter)}}}\n"
    try:
        sweep = parse_sweep(text, "sweep.yaml", Path("/"), catalogue=CATALOGUE)
    except SpecError:
        return
    domain = sweep.space.domains["dropout"]
    law = domain.distribution
    ends = [getattr(law, "low", None), getattr(law, "high", None)] if domain.bounds else list(domain.grid())
    assert all(0 <= float(domain.to_value(end)) < 1 for end in ends)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_is_a_refusal(text: str) -> None:
    with pytest.raises(SpecError):
        parse_sweep(text, "sweep.yaml", Path("/"), catalogue=CATALOGUE)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=40) | st.from_regex(r"[a-z]{1,8}(\.[a-z0-9]{1,5}){0,3}=.{0,9}", fullmatch=True))
def test_any_override_is_a_sweep_or_a_refusal(text: str) -> None:
    try:
        parse_sweep(BASE, "sweep.yaml", Path("/"), [text], catalogue=CATALOGUE)
    except SpecError as error:
        assert all("override" in fault.place for fault in error.faults)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("early_terminate: median", "such as {type: median}"),
        ("repeats: 4", "such as {seeds: 4}"),
        ("cost_per_hour: 0.5", "such as {cpu: 0.5}"),
        ("constraints: ['latency_ms <= 7']", "such as {metric: latency_ms, max: 7}"),
        ("constraints: ['accuracy > 0.9']", "such as {metric: val_accuracy, min: 0.9}"),
        ("metric: val_acuracy", "such as {name: val_accuracy}"),
        ("tracking: http://host", "such as {uri: 'http://host'}"),
        ("final: no", "must be a group of keys, or none, received 'no', did you mean 'none'?"),
        ("stop_when: x", "such as {no_improvement: 30}"),
        ("trials: 1e3", "must be a whole number, received 1000.0, did you mean 1000?"),
    ],
)
def test_a_value_in_place_of_a_group_is_answered_by_the_group_that_it_means(
    written: str, said: str, tmp_path: Path
) -> None:
    [fault] = refusal(f"{BASE}{written}\n", tmp_path).faults
    assert said in str(fault)
