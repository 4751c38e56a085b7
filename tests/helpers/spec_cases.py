"""Specs with one fault, and the refusal that each must get."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from tests.helpers.spec_catalogue import CATALOGUE

BASE = """\
workload: mlp
data: {name: digits}
parameters:
  lr: {min: 1e-5, max: 0.1, log: true}
"""


@dataclass(frozen=True)
class Case:
    """A spec, ``base`` and then ``extra`` (line 5 behind BASE), and the fault that must be reported."""

    extra: str
    line: int | None
    path: str
    rule: str
    received: str | None = None
    suggestion: str | None = None
    base: str = BASE


def param(text: str, *rest: str | None) -> Case:
    """Return the case of a parameter at line 5; ``rest``: path inside ``parameters``, rule, value, suggestion."""
    path, rule, *more = rest
    assert rule is not None
    return Case(f"  {text}\n", 5, f"parameters.{path}", rule, *more)


def whole(text: str, line: int | None, path: str, rule: str, *more: str) -> Case:
    return Case(text, line, path, rule, *more, base="")


DATA = "workload: mlp\ndata: %s\nparameters: {lr: {min: 1e-5, max: 0.1}}\n"


def refusal(text: str, folder: Path, *overrides: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        parse_sweep(text, "sweep.yaml", folder, overrides, catalogue=CATALOGUE)
    return caught.value


def judge(case: Case, folder: Path) -> None:
    """Check that the spec is refused with the case's fault, and with at most one other."""
    error = refusal(case.base + case.extra, folder)
    place = "sweep.yaml" if case.line is None else f"sweep.yaml:{case.line}"
    found = [f for f in error.faults if (f.place, f.path) == (place, case.path) and case.rule in f.rule]
    assert found, f"{place}: {case.path}: {case.rule}\nbut:\n{error}"
    if case.received is not None:
        assert found[0].received == case.received
    assert found[0].suggestion == case.suggestion
    assert len(error.faults) <= 2, f"one slip, told many times:\n{error}"
