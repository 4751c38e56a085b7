"""A sweep kept as JSON comes back as it was, whatever it holds; what another version wrote is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import search_spaces
from search_spaces.spec import stored
from search_spaces.spec.starting.example_data import example_data
from search_spaces.spec.starting.proposal import Proposal
from search_spaces.spec.starting.template import template
from search_spaces.spec.sweep import Sweep, load_sweep, parse_sweep
from search_spaces.types.faults import SpecError
from tests.helpers.spec_texts import FULL, HEAD, parsed
from workloads.registry import WORKLOADS, catalogue

EXAMPLES = sorted((Path(search_spaces.__file__).parent / "examples").glob("*.yaml"))
LAWS = """\
parameters:
  lr: {distribution: log_uniform_values, min: 1e-5, max: 1}
  weight_decay: {min: 0.0, max: 1, step: 0.1}
  width: {min: 8, max: 64, step: 8}
  depth: {values: [1, 2]}
  dropout: {distribution: normal, mu: 0.3, sigma: 0.1, min: 0, max: 0.5}
  momentum: {distribution: q_normal, mu: 0.8, sigma: 0.05, q: 0.01, min: 0.1, max: 0.9}
  batch_size: {distribution: q_uniform, min: 8, max: 64, q: 8}
  batch_norm: {values: [true, false], probabilities: [0.25, 0.75]}
  optimizer: {values: [sgd, adam]}
"""
ONES = (
    *("early_terminate: none", "final: none", "metric: {name: val_loss}", "timeout: 90s", "method: random"),
    *("resources: {workers: [1, 3]}", "resources: {cpus: 0.5, gpus: 0.25}", "seed: 4294967295", "epochs: 1"),
    *(
        "storage: {study: 'postgresql://you@x/y', checkpoints: s3://a/b}",
        "tracking: {experiment: 'naïve \\U0001F600'}",
    ),
    *("start_from: [{lr: 0.01}, {lr: 0.1, dropout: 0.5}]", "priority: -3", "max_concurrent: 3", "cohort: 7"),
    *("parameters: {lr: 0.1}", "description: 'two\\n lines: of #text'"),
)


def same(sweep: Sweep) -> None:
    """Equal, and to the types of its numbers."""
    back = stored.from_json(stored.to_json(sweep), "sweep.json")
    assert back == sweep
    assert repr(back) == repr(sweep)
    assert back.to_text() == sweep.to_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example(example: Path) -> None:
    same(load_sweep(example, catalogue=catalogue()))


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_s_first_spec(name: str, tmp_path: Path) -> None:
    known = catalogue().workload(name)
    for kind, problems in known.problems.items():
        example = example_data(kind, problems[0])
        if example.file:
            (tmp_path / example.file).write_text(example.content())
        text = template(known, Proposal.example(known, kind), "schema.json", catalogue())
        same(parse_sweep(text, "sweep.yaml", tmp_path, catalogue=catalogue()))


@pytest.mark.parametrize("text", ONES)
def test_every_key(text: str) -> None:
    same(parsed(f"{HEAD}{text}\n"))


def test_all_keys_at_once(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,label\n1,x\n2,y\n")
    same(parsed(FULL, base=tmp_path))


def test_every_law() -> None:
    sweep = parsed(HEAD + LAWS)
    assert {type(domain).__name__ for domain in sweep.space.domains.values()} >= {
        "Rounded",
        "Normal",
        "Choice",
        "Int",
    }
    same(sweep)


def test_a_sweep_of_a_newer_format_is_refused_with_a_way_out() -> None:
    document = json.loads(stored.to_json(parsed(HEAD)))
    newer = {"format": stored.FORMAT + 1, "paceline": "9.1", "legs": [{}]}
    with pytest.raises(
        SpecError, match=r"home/sweep.json: format: is 2, .* Paceline 9.1 wrote it: go on with that"
    ):
        stored.from_json(json.dumps(newer), "home/sweep.json")
    odd = {**document, "sweep": {**document["sweep"], "tomorrow": 1, "trials": "many"}}
    with pytest.raises(SpecError) as caught:
        stored.from_json(json.dumps(odd), "home/sweep.json")
    assert [fault.path for fault in caught.value.faults] == ["sweep.trials", "sweep.tomorrow"]
    with pytest.raises(SpecError, match=r"home/sweep.json: cannot be read .*JSON"):
        stored.from_json('{"format": 1, ', "home/sweep.json")


def test_a_space_of_an_unknown_law_is_refused() -> None:
    document = json.loads(stored.to_json(parsed(HEAD)))
    document["sweep"]["space"]["domains"]["lr"] = {"kind": "Cauchy"}
    with pytest.raises(SpecError, match=r"sweep.space: .*search space.*Cauchy"):
        stored.from_json(json.dumps(document), "sweep.json")


def test_the_folder_of_users_code_is_found_where_it_is_now(tmp_path: Path) -> None:
    code, home = tmp_path / "project" / "specs", tmp_path / "project" / ".paceline" / "3f2a"
    for folder in (code, home):
        folder.mkdir(parents=True)
    (code / "mine.py").touch()
    sweep = parsed(HEAD).model_copy(update={"folder": str(code), "workload": "mine:train"})
    text = stored.to_json(sweep, stored.place_of(sweep, home))
    assert stored.from_json(text, "sweep.json", home).folder == str(code)
    moved = (tmp_path / "project").rename(tmp_path / "moved")
    assert stored.from_json(text, "sweep.json", moved / ".paceline" / "3f2a").folder == str(moved / "specs")
    assert stored.from_json(stored.to_json(sweep), "").folder == str(code)
    assert "folder" not in sweep.to_text()
