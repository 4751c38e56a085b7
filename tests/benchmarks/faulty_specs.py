"""Measures how fast ``paceline run`` refuses: every faulty spec of the tests as a whole command in an empty folder.

    python -m tests.benchmarks.faulty_specs [--repeats 3] [--large-mb 100] [--only WORD]

Prints Markdown tables, then one line of JSON. Exit status 1 when a spec ends with another exit code than 2, the
message is not the one in the tests, or a file is written. Times are medians over the repeats, each taken beside
that of a Python that does nothing. All modules are compiled beforehand, as they are in an installed package.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.faulty_specs import FAULTY, SPEC, Faulty, Place

BARE = (sys.executable, "-c", "pass")
REFUSED = (sys.executable, "-m", "cluster.cli", "run", SPEC)
LIMIT_S = 0.5
SLOWEST = 10


@dataclass(frozen=True)
class Cost:
    """Cost of one process in seconds: elapsed time, and CPU time with that of its children."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Refused:
    """Refusal of one spec: median cost, exit codes, and what was wrong."""

    name: str
    cost: Cost
    codes: tuple[int, ...]
    wrong: tuple[str, ...]


def run(command: Sequence[str], place: Place, environment: Mapping[str, str]) -> tuple[Cost, int, str]:
    """Run a command in the empty folder; return its cost, exit code, and stdout with stderr."""
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=place.here, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)  # it is reaped: subprocess must not wait for it
        said.seek(0)
        told = said.read().decode(errors="replace")
    return Cost(wall, usage.ru_utime + usage.ru_stime), process.returncode, told


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the medians of both times."""
    return Cost(statistics.median(c.wall_s for c in costs), statistics.median(c.cpu_s for c in costs))


def refuse(name: str, faulty: Faulty, place: Place, repeats: int) -> tuple[Refused, list[Cost]]:
    """Run one spec ``repeats`` times, each after a bare Python; return its refusal, and the bare Python's costs."""
    place.put(faulty)
    environment, before = place.environment(), place.files()
    costs, bare, codes, wrong = [], [], [], set()
    for _ in range(repeats):
        bare.append(run(BARE, place, environment)[0])
        cost, code, told = run(REFUSED, place, environment)
        costs.append(cost)
        codes.append(code)
        wrong |= {f"exit code {code}"} if code != 2 else set()
        wrong |= set() if faulty.is_told(told) else {f"told: {told[:300]}"}
    wrong |= {f"written: {path}" for path in place.files() ^ before}
    return Refused(name, middle(costs), tuple(codes), tuple(sorted(wrong))), bare


def compile_ahead(place: Place) -> None:
    """Run one refusal of each kind, so that all modules that refusals import are compiled."""
    for name in ("key", "cycle", "missing column", "parquet column", "many steps", "bomb"):
        place.put(FAULTY[name])
        run(REFUSED, place, place.environment())


def tables(rows: Sequence[Refused], bare: Cost) -> str:
    """Return a table of all refusals, and one of the slowest."""
    half, codes = middle([row.cost for row in rows]), sorted({code for row in rows for code in row.codes})
    slow = sorted(rows, key=lambda row: row.cost.cpu_s, reverse=True)
    wall, cpu = max(row.cost.wall_s for row in rows), slow[0].cost.cpu_s
    late = sum(row.cost.wall_s >= LIMIT_S for row in rows)
    lines = [
        f"| specs | exit codes | wrong | {LIMIT_S:g} s or more |  | median, s | slowest, s | bare python, s |"
        " median / bare | slowest / bare |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for what, mid, most, base in (
        ("wall", half.wall_s, wall, bare.wall_s),
        ("cpu", half.cpu_s, cpu, bare.cpu_s),
    ):
        shared = f"| {len(rows)} | {', '.join(map(str, codes))} | {sum(bool(r.wrong) for r in rows)} | {late} |"
        lines.append(
            f"{shared} {what} | {mid:.3f} | {most:.3f} | {base:.4f} | {mid / base:.1f} | {most / base:.1f} |"
        )
    lines += ["", "| slowest | cpu, s | wall, s | cpu / median |", "|---|---|---|---|"]
    for row in slow[:SLOWEST]:
        ratio = row.cost.cpu_s / half.cpu_s
        lines.append(f"| {row.name} | {row.cost.cpu_s:.3f} | {row.cost.wall_s:.3f} | {ratio:.2f} |")
    return "\n".join(lines)


def measure(options: argparse.Namespace, root: Path) -> tuple[list[Refused], Cost]:
    """Return the refusal of every spec whose name contains ``--only``, and the median cost of a bare Python."""
    place = Place.make(root / "place", options.large_mb * 10**6)
    rows, bare = [], []
    compile_ahead(place)
    for name in (name for name in FAULTY if options.only in name):
        row, beside = refuse(name, FAULTY[name], place, options.repeats)
        rows.append(row)
        bare += beside
        for fault in row.wrong:
            print(f"{name}: {fault}", file=sys.stderr)
    return rows, middle(bare)


def main() -> int:
    """Measure as the command line says, and print the tables; returns 1 where a refusal is wrong, else 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large-mb", type=int, default=100, help="size of the large CSV table")
    parser.add_argument("--only", default="", help="specs with this in their name")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "compiled")
        rows, bare = measure(options, Path(folder))
    print(tables(rows, bare))
    cpu = {row.name: round(row.cost.cpu_s, 4) for row in rows}
    print(
        json.dumps({"repeats": options.repeats, "bare_cpu_s": bare.cpu_s, "bare_wall_s": bare.wall_s, "cpu_s": cpu})
    )
    return int(any(row.wrong for row in rows))


if __name__ == "__main__":
    sys.exit(main())
