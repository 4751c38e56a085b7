"""``python -m tests.chaos``: plays draws of faults, and writes what they came to."""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.chaos.draw import Draw, drawn
from tests.chaos.judge import Reference
from tests.chaos.play import Played, play


def table(played: Iterable[Played]) -> Iterator[str]:
    """Yield a Markdown table: per fault how often it struck, was survived, and the seconds to resume."""
    rows: dict[str, list[Played]] = defaultdict(list)
    missed: dict[str, int] = defaultdict(int)
    for one in played:
        for blow, told in zip(one.draw.blows, one.told, strict=False):
            if told.startswith("missed"):
                missed[blow.fault.name] += 1
            else:
                rows[blow.fault.name].append(one)
    yield "| fault | struck | too late | survived | s to the first epoch of resume (median) | outcomes |"
    yield "|---|---|---|---|---|---|"
    for name in sorted(rows.keys() | missed.keys()):
        plays = rows[name]
        well = sum(not one.wrong for one in plays)
        seconds = [value for one in plays for value in one.resume_s]
        median = f"{statistics.median(seconds):.1f}" if seconds else "–"
        outcomes = sorted({one.verdict.outcome for one in plays if one.verdict})
        yield f"| {name} | {len(plays)} | {missed[name]} | {well} | {median} | {', '.join(outcomes)} |"


def main() -> int:
    """Play the draws that the arguments name; return 1 where one is not survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first draw")
    parser.add_argument("--count", type=int, default=1, help="number of draws, of this seed and the following")
    parser.add_argument("--jobs", type=int, default=1, help="number of sweeps at a time")
    parser.add_argument("--fault", default="", help="draw this fault alone")
    parser.add_argument("--cheap", action="store_true", help="draw and play as `make test` does: without Ray")
    parser.add_argument("--keep", type=Path, help="folder in which sweeps that did not survive are kept")
    parser.add_argument("--table", type=Path, help="file for the Markdown table, otherwise printed")
    chosen = parser.parse_args()
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    draws = [drawn(seed, chosen.cheap, chosen.fault) for seed in seeds]
    with tempfile.TemporaryDirectory(prefix="chaos-") as root:
        reference = Reference.made(Path(root), not chosen.cheap)

        def one(draw: Draw) -> Played:
            folder = Path(root) / str(draw.seed)
            played = play(draw, folder, reference, not chosen.cheap)
            print(f"{'FAILED ' if played.wrong else ''}{played}", flush=True)
            if played.wrong and chosen.keep:
                shutil.copytree(folder, chosen.keep / str(draw.seed), dirs_exist_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            return played

        with ThreadPoolExecutor(chosen.jobs) as pool:
            played = list(pool.map(one, draws))
    text = "\n".join(table(played))
    if chosen.table:
        chosen.table.write_text(text + "\n")
    print(f"\n{text}\n\n{sum(not one.wrong for one in played)} of {len(played)} survived")
    return int(any(one.wrong for one in played))


if __name__ == "__main__":
    sys.exit(main())
