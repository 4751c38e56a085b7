"""Command that writes a new spec: init."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from cluster.cli.commands.shared import Refusal, write_new
from cluster.exit_codes import FINISHED
from search_spaces.spec.starting import words
from search_spaces.spec.starting.examples import EXAMPLE, example_data_files, example_file, example_names
from search_spaces.types.problems import DataKind
from workloads.registry import catalogue

if TYPE_CHECKING:
    from search_spaces.spec.starting.proposal import Proposal
    from search_spaces.types.catalogue import WorkloadInfo

SCHEMA = "paceline.schema.json"
NEXT = """wrote {path}; next
  paceline check {path}
  paceline run {path}"""
USUAL = {"table": "mlp", "image": "image", "completions": "language"}
USUAL |= dict.fromkeys(("text", "series", "sentences", "tagged"), "recurrent")
"""Workload for a file of each kind of data."""
TREES = "mlp is a network: boosted trees are often better on tables (paceline init boosted_trees FILE)"


@click.command()
@click.argument("subjects", metavar="[WORKLOAD] [FILE]", nargs=-1)
@click.option("kind", "--data", type=click.Choice(get_args(DataKind)), help="Its kind of data.")
@click.option("-o", "--output", default="sweep.yaml", show_default=True, type=click.Path(dir_okay=False))
def init(subjects: tuple[str, ...], kind: DataKind | None, output: str) -> int:
    """Write a commented spec that runs as it is.

    WORKLOAD is one of ours, a word for it (lstm, resnet, logistic), package.module:NAME, or example:NAME, which is
    copied. FILE is a table, a text, a CoNLL file of labelled words, a folder of images or texts, whose columns or
    classes are looked at, or a script, whose command-line arguments become parameters. Beside the spec: the schema
    that editors complete it by, and a small file of data where there is no FILE and no registered data set fits.
    """
    names = [one for one in subjects if not _is_file(one)]
    files = [one for one in subjects if _is_file(one)]
    if len(names) > 1 or len(files) > 1 or not subjects:
        raise Refusal(_choices("paceline init takes one workload, one file, or both" if subjects else None))
    if names and names[0].startswith(EXAMPLE):
        return _copied(names[0], output)
    if files and files[0].endswith(".py"):
        return _of_script(files[0], names, output)
    begun = _begun(names[0] if names else None, files[0] if files else None, kind, output)
    return _written(begun, kind, output)


def _is_file(subject: str) -> bool:
    return ":" not in subject and (Path(subject).exists() or "/" in subject or "." in subject)


@dataclass(frozen=True)
class _Begun:
    workload: WorkloadInfo
    proposal: Proposal


def _begun(name: str | None, file: str | None, kind: DataKind | None, output: str) -> _Begun:
    from search_spaces.spec.starting.proposal import Proposal
    from search_spaces.spec.starting.template import default_kind

    found = _proposed(file, kind, output) if file else None
    meant = words.meant(name) if name and name not in catalogue().workload_names else None
    info = _workload(meant.workload if meant else name or USUAL[found.kind if found else "table"])
    fixed = meant.fixed if meant else {}
    if file and found and found.kind == "sentences" and kind is None and found.kind not in info.problems:
        found = _proposed(file, "table", output)  # whose texts are bags of words
    if file and found and found.kind == "table" and kind is None and "table" not in info.problems:
        found = _proposed(file, "sentences", output) if "sentences" in info.problems else found
    if found:
        if found.kind not in info.problems or found.problem not in info.problems[found.kind]:
            able = " or ".join(f"{k} data ({', '.join(p)})" for k, p in info.problems.items())
            raise Refusal(f"workload {info.name} takes {able}: {file} is {found.kind} data ({found.problem})")
        notes = found.notes if name or found.kind != "table" else (*found.notes, TREES)
        return _Begun(info, Proposal(found.kind, found.problem, found.data, notes, fixed))
    wanted = next((one for one in info.problems if one == kind), None)
    if kind and not wanted:
        raise Refusal(f"workload {info.name} takes no {kind} data: --data must be {' or '.join(info.problems)}")
    return _Begun(info, Proposal.example(info, wanted or default_kind(info), fixed))


def _workload(name: str) -> WorkloadInfo:
    try:
        return catalogue().workload(name)
    except LookupError as error:
        raise Refusal(str(error.args[0])) from error


def _proposed(file: str, kind: DataKind | None, output: str) -> Proposal:
    from workloads.arrays import DataError
    from workloads.data.proposed import proposed

    path = Path(file)
    if not path.exists():
        raise Refusal(f"there is no file {file}")
    try:
        return proposed(path, os.path.relpath(path, Path(output).parent), kind)
    except DataError as error:
        raise Refusal(str(error)) from error


def _written(begun: _Begun, kind: DataKind | None, output: str) -> int:
    from search_spaces.spec.starting.template import template

    info, proposal = begun.workload, begun.proposal
    example = proposal.data
    content = example.content()
    beside = Path(output).with_name(example.file or SCHEMA)
    if example.file and beside.exists() and beside.read_bytes() != content.encode():
        raise Refusal(f"{beside} is there already, and is not the example that the spec needs: use another folder")
    write_new(output, template(info, proposal, SCHEMA, catalogue()))
    _write_schema(output)
    if example.file:
        beside.write_bytes(content.encode())
        print(f"wrote {beside}, {example.what}: put your own in its place")
    is_example = bool(example.file) or "name" in example.spec
    others = [one for one in info.problems if one != proposal.kind]
    if others and is_example:
        print(f"{output} is for {proposal.kind} data; there is also --data {' or '.join(others)}")
    for note in () if is_example else proposal.notes:
        print(note)
    print(NEXT.format(path=output))
    return FINISHED


def _of_script(file: str, names: list[str], output: str) -> int:
    from search_spaces.spec.starting.script import script_spec, searched
    from search_spaces.spec.starting.script_source import read_script

    if names:
        raise Refusal(f"{file} is a script: it is its own workload, leave {names[0]} out")
    try:
        script = read_script(Path(file))
    except (OSError, ValueError) as error:
        raise Refusal(str(error)) from error
    write_new(output, script_spec(script, os.path.relpath(file, Path(output).parent), SCHEMA))
    _write_schema(output)
    found = ", ".join(one.name for one in script.arguments if searched(one) is not None) or "none"
    print(f"{file}: {len(script.arguments)} arguments, {found} searched around the defaults")
    if not script.metrics:
        print(f"write into {output} what the script reports: metric: {{name: val_loss, goal: minimize}}")
    print(NEXT.format(path=output))
    return FINISHED


def _copied(name: str, output: str) -> int:
    try:
        text = example_file(name).read_text(encoding="utf-8")
    except LookupError as error:
        raise Refusal(str(error.args[0])) from error
    beside = {Path(output).with_name(file.name): file.read_bytes() for file in example_data_files(name)}
    for path, content in beside.items():
        if path.exists() and path.read_bytes() != content:
            raise Refusal(f"{path} is there already, and is not the example's data: use another folder")
    write_new(output, text)
    for path, content in beside.items():
        path.write_bytes(content)
        print(f"wrote {path}, the example's data")
    print(NEXT.format(path=output))
    return FINISHED


def _write_schema(output: str) -> None:
    from search_spaces.spec.json_schema import json_schema

    Path(output).with_name(SCHEMA).write_text(json.dumps(json_schema(catalogue()), indent=2), encoding="utf-8")


def _choices(first: str | None) -> str:
    known = catalogue()
    rows = [f"  {name:<10} {known.workload(name).summary}" for name in known.workload_names]
    files = (
        "paceline init FILE, a table (.csv, .parquet ...), a text, a folder of images or texts, or a script (.py)"
    )
    examples = f"paceline init example:NAME, one of {', '.join(example_names())}"
    return "\n".join([*([first] if first else []), "paceline init WORKLOAD, one of", *rows, files, examples])
