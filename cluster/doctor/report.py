"""Runs and prints the checks of `paceline doctor`, with the remedy of each fault."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import TextIO

from cluster.doctor.fast_ways import fast_ways
from cluster.doctor.machine import (
    Check,
    machine,
    packages,
    ray_imports,
    ray_starts,
    threads,
    torch_and_gpu,
    versions,
)
from cluster.doctor.stores import shared, tracking
from cluster.doctor.surroundings import surroundings, token_files

QUICK: tuple[Callable[[], Iterator[Check]], ...] = (
    versions,
    packages,
    machine,
    surroundings,
    token_files,
    threads,
    tracking,
    shared,
    torch_and_gpu,
    ray_imports,
    fast_ways,
)
FULL = (*QUICK, ray_starts)
"""Checks of this machine, in order. A new check is a function and a row here."""
MARKS = {"ok": "✓", "warning": "!", "wrong": "✗"}


def examine_here(full: bool) -> Iterator[Check]:
    """Yield the checks of this machine as they are made; with ``full`` a local Ray is started, too."""
    return examine(FULL if full else QUICK)


def report(found: Iterable[Check], as_json: bool) -> int:
    """Print the checks, as one JSON document or as lines; return 1 when something is wrong, else 0."""
    if as_json:
        checks = list(found)
        print(json.dumps({"ok": healthy(checks), "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        checks = tell(found, sys.stdout)
    return 0 if healthy(checks) else 1


def examine(looks: Iterable[Callable[[], Iterator[Check]]]) -> Iterator[Check]:
    """Yield the checks as they are made. A check that raises is reported as wrong, and the others follow."""
    for look in looks:
        try:
            yield from look()
        except Exception as error:  # noqa: BLE001 - a broken installation may raise anything; it is reported
            found = f"the check failed: {type(error).__name__}: {error}"
            yield Check(name=look.__name__, state="wrong", found=found, remedy="reinstall Paceline")


def healthy(checks: Iterable[Check]) -> bool:
    """Whether no check is wrong; warnings do not count."""
    return all(check.state != "wrong" for check in checks)


def tell(checks: Iterable[Check], stream: TextIO) -> list[Check]:
    """Print each check as it is made, with its remedy if it has one, and a total; return the checks."""
    told = []
    for check in checks:
        print(f"{MARKS[check.state]} {check.name:<22} {check.found}", file=stream, flush=True)
        if check.remedy:
            print(f"  {'':<22} → {check.remedy}", file=stream, flush=True)
        told.append(check)
    wrong = sum(check.state == "wrong" for check in told)
    warned = sum(check.state == "warning" for check in told)
    print(f"\n{wrong} wrong, {warned} to think about" if wrong or warned else "\nall checks passed", file=stream)
    return told
