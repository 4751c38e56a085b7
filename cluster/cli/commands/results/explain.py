"""Command explain: what a word means, its keys, its names, and what to try."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from cluster.cli.commands.shared import Refusal, print_json
from cluster.cli.options import JSON
from cluster.exit_codes import FINISHED

if TYPE_CHECKING:
    from cluster.explain.entry import Entry

WIDTH, LABEL = 80, 12
LISTED = ("word", "word of the code", "metric", "sampler", "schedule", "workload", "data set", "hyperparameter")
"""Kinds that are listed without a word; keys of a sweep file stand in what `paceline init` writes."""


@click.command()
@click.argument("word", nargs=-1)
@JSON
def explain(word: tuple[str, ...], as_json: bool) -> int:
    """Explain a word: what it means, its keys, its names, what to try.

    WORD is one of the glossary's, a hyperparameter, a metric, a sampler, a schedule, a workload, a data set, or a
    key of a sweep file. Without WORD all are listed.
    """
    from cluster.explain.find import entries, find
    from workloads.registry import catalogue

    known = entries(catalogue())
    if not word:
        return _list(known, as_json)
    try:
        found = find(" ".join(word), known)
    except LookupError as error:
        raise Refusal(str(error.args[0])) from error
    if as_json:
        print_json({"entries": [_document(one) for one in found]})
    else:
        print("\n\n".join("\n".join(_lines(one)) for one in found))
    return FINISHED


def _list(known: Sequence[Entry], as_json: bool) -> int:
    if as_json:
        print_json({"entries": [_document(one) for one in known]})
        return FINISHED
    for kind in LISTED:
        names = dict.fromkeys(one.word for one in known if one.kind == kind)
        print(f"{kind}s" if kind != "word of the code" else "words of the code")
        print(_wrapped(", ".join(names), "  "), end="\n\n")
    print("paceline explain WORD")
    return FINISHED


def _document(one: Entry) -> dict[str, Any]:
    lists = {"keys": list(one.keys), "json": list(one.json), "mlflow": list(one.mlflow)}
    return {"word": one.word, "kind": one.kind, "meaning": one.meaning, **lists, "try": one.to_try}


def _lines(one: Entry) -> Iterator[str]:
    yield f"{one.word} ({one.kind})"
    yield _wrapped(re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", one.meaning), "  ")
    for label, names in (("keys", one.keys), ("--json", one.json), ("in MLflow", one.mlflow)):
        if names:
            yield _wrapped(", ".join(names), f"  {label:<{LABEL}}", " " * (LABEL + 2))
    told = "try" if one.is_command else "sweep.yaml"
    for k, line in enumerate(one.to_try.splitlines()):
        yield f"  {told if k == 0 else '':<{LABEL}}{line}"


def _wrapped(text: str, first: str, others: str | None = None) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if others is None else others,
        break_long_words=False,
        break_on_hyphens=False,
    )
