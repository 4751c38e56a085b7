"""What people call kinds of models, and the specs that begin with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.space.hyperparameters import hyperparameters
from search_spaces.spec.starting.examples import example_file, example_names
from search_spaces.spec.starting.proposal import Proposal, narrowed
from search_spaces.spec.starting.template import default_kind, template
from search_spaces.spec.starting.words import _FAMILIES, WORDS, like, meant
from search_spaces.spec.sweep import load_sweep, parse_sweep
from search_spaces.types.faults import SpecError
from workloads.registry import WORKLOADS, catalogue, workload


@pytest.mark.parametrize("word", [*WORDS, *_FAMILIES])
def test_a_word_means_a_workload_that_has_the_values_it_fixes(word: str) -> None:
    found = meant(word)
    assert found is not None and found.workload in WORKLOADS and word not in WORKLOADS
    known = hyperparameters(workload(found.workload).hyperparameters)
    assert [known[name].fault(value) for name, value in found.fixed.items()] in ([], [None])


@pytest.mark.parametrize("word", ["rnn", "LSTM", "gru", "transformer", "dcgan", "logistic", "resnet", "DC-GAN"])
def test_a_spec_that_begins_with_a_word_is_sound(word: str) -> None:
    found = like(word)
    assert found is not None
    info = catalogue().workload(found.workload)
    proposal = Proposal.example(info, default_kind(info), found.fixed)
    text = template(info, proposal, "schema.json", catalogue())
    sweep = parse_sweep(text, "sweep.yaml", Path.cwd(), catalogue=catalogue())
    assert {name: sweep.constants[name] for name in found.fixed} == found.fixed


def test_what_exists_under_another_value_is_left_out() -> None:
    space = {"cell": {"values": ["a", "b"]}, "x": {"values": [1], "when": {"cell": "a"}}, "y": {"values": [2]}}
    assert narrowed(space, {"cell": "b"}) == {"y": {"values": [2]}}
    assert narrowed(space, {"cell": "a"}) == {"x": {"values": [1]}, "y": {"values": [2]}}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lstm", "did you mean recurrent with parameters: {cell: lstm}?"),
        ("resnet", "did you mean transfer with parameters: {backbone: resnet18}?"),
        ("lsmt", "did you mean recurrent with parameters: {cell: lstm}?"),
        ("sofmax", "did you mean 'softmax'?"),
    ],
)
def test_a_spec_with_a_word_for_a_workload_is_told_what_it_means(name: str, told: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_sweep(f"workload: {name}\ndata: {{name: digits}}", "sweep.yaml", Path.cwd(), catalogue=catalogue())
    assert told in str(error.value)
    with pytest.raises(LookupError, match="did you mean"):
        workload(name)


def test_examples_have_names() -> None:
    for name in example_names():
        assert load_sweep(example_file(f"example:{name}"), catalogue=catalogue()).name
    with pytest.raises(LookupError, match="did you mean example:gan"):
        example_file("example:gna")
