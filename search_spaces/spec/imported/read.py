"""Recognises another tool's file, and writes it as a spec, with comments on what has no counterpart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from search_spaces.spec.imported.contract import Import, unseen, watched
from search_spaces.spec.imported.determined import from_determined
from search_spaces.spec.imported.katib import LABELS, from_katib
from search_spaces.spec.imported.ludwig import from_ludwig
from search_spaces.spec.yaml_document import Document, block, dotted
from search_spaces.types.faults import Fault, SpecError

ORDER: Final = (
    *("name", "description", "workload", "program", "command", "data", "metric", "metrics", "method", "trials"),
    *("epochs", "steps", "seed", "parameters", "early_terminate", "max_concurrent", "timeout"),
)
"""Keys of a written spec in order; others follow."""


@dataclass(frozen=True)
class Tool:
    """A tool whose files are turned into specs."""

    what: str
    """Its file, in words."""
    read: Callable[[Mapping[str, Any]], Import]
    looks_like: Callable[[Mapping[str, Any]], bool]
    labels: tuple[str, ...] = ()
    """Keys that only name or describe what they are in."""


TOOLS: Final = (
    Tool(
        "a Katib experiment",
        from_katib,
        lambda tree: (
            str(tree.get("apiVersion", "")).startswith("kubeflow.org/") and tree.get("kind") == "Experiment"
        ),
        LABELS,
    ),
    Tool("a Determined experiment", from_determined, lambda tree: isinstance(tree.get("searcher"), dict)),
    Tool("a Ludwig configuration", from_ludwig, lambda tree: isinstance(tree.get("hyperopt"), dict)),
)


def tool_of(tree: Any) -> Tool | None:
    """Return the tool whose file a tree is; None where it is of none of them."""
    return next((tool for tool in TOOLS if isinstance(tree, Mapping) and tool.looks_like(tree)), None)


def imported(document: Document) -> tuple[str, list[str]]:
    """Return the text of the spec that a file of another tool means, and a line for each key without a counterpart.

    Raises SpecError where it is of no tool that is known, or cannot be meant here, with every reason.
    """
    tool = tool_of(document.tree)
    if tool is None:
        known = ", ".join(tool.what for tool in TOOLS)
        if isinstance(document.tree, dict) and {"parameters", "method"} <= document.tree.keys():
            raise SpecError(
                [Fault(document.origin, "", "is W&B's, or a spec already: `paceline run` takes it as it is")]
            )
        raise SpecError([Fault(document.origin, "", f"must be {known}, or the storage of an Optuna study")])
    tree = watched(document.tree)
    found = tool.read(tree)
    told = {path for path, _ in (*found.notes, *found.refused)}
    for path in unseen(tree):
        if path[-1] not in tool.labels and path not in told:
            found.note(path, "has no counterpart")
    if found.refused:
        raise SpecError([Fault(document.place(path), dotted(path), rule) for path, rule in found.refused])
    notes = [f"{document.place(path)}: {dotted(path)}: {text}" for path, text in found.notes]
    return spec_text(found.tree, f"{document.origin}, {tool.what}", notes), notes


def spec_text(tree: Mapping[str, Any], source: str, notes: list[str]) -> str:
    """Return a spec's text with its source and ``notes`` as comments."""
    keys = [*(key for key in ORDER if key in tree), *(key for key in tree if key not in ORDER)]
    said = "".join(f"# {' '.join(line.split())}\n" for line in notes)
    return f"# Imported from {source}.\n{said}{block({key: tree[key] for key in keys})}"
