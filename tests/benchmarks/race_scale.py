"""Measures what a race of thousands of trials costs the driver: simulated, with nothing trained or stored.

    python -m tests.benchmarks.race_scale [--trials 1000 10000] [--lanes-share 10] [--methods random tpe]
    python -m tests.benchmarks.race_scale --lane-use 32 [--trials 320 1000] [--schedules asha hyperband]

Prints a row for each search: CPU seconds, those of a question to the sampler at the 100th, 1,000th and 10,000th
trial (median of the ten around it), and the peak memory. With ``--lane-use`` it is the share of so many lanes' time
in which they train: until no leg but those to the last rung is left, and until the end.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from search_spaces.race.legs import Leg
from search_spaces.race.search import Search
from search_spaces.samplers.contract import Sampler
from search_spaces.samplers.history import History
from search_spaces.simulation.clock import Span, World, simulate
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.hyperparameters import hyper
from search_spaces.space.space import Space
from search_spaces.spec.sweep import EarlyTerminate
from search_spaces.types.values import Params
from tests.helpers.toy_race import curve, toy_sweep

HYPERPARAMETERS = dataclasses.make_dataclass(
    "Many",
    [
        ("lr", float, hyper(0.5, "a number")),
        ("size", int, hyper(1, "a number")),
        ("kind", str, hyper("a", "a choice", choices=("a", "b", "c"))),
        *((f"x{i}", float, hyper(0.5, "a number")) for i in range(5)),
    ],
    frozen=True,
    kw_only=True,
)
SPACE = Space(
    {"lr": Uniform(1e-5, 1, log=True), "size": Int(1, 1000)}
    | {f"x{i}": Uniform(0, 1) for i in range(5)}
    | {"kind": Choice(("a", "b", "c"))}
)
LONG_S = 1000.0
"""Seconds of an epoch: so many that no question is asked ahead of need."""
PLACES = (100, 1_000, 10_000)


@dataclass
class _Timed:
    """A sampler that notes the CPU seconds of each question by the number of trials known."""

    inner: Sampler
    took: list[tuple[int, float]] = field(default_factory=list)

    def ask(self, history: History, count: int, held: Params) -> list[Params]:
        begun = time.process_time()
        found = self.inner.ask(history, count, held)
        self.took.append((len(history), (time.process_time() - begun) / max(1, len(found))))
        return found

    def at(self, place: int) -> float:
        """Return the milliseconds of a question at ``place`` trials."""
        near = sorted(self.took, key=lambda one: abs(one[0] - place))[:10]
        return 1000 * statistics.median(seconds for _, seconds in near)


def one(method: str, trials: int, lanes: int) -> str:
    """Return the row of one search."""
    sweep = toy_sweep(method=method, space=SPACE, trials=trials, epochs=27, train_together=1, seed=1)
    search = Search(sweep, HYPERPARAMETERS, None)
    search.sampler = timed = _Timed(search.sampler)
    begun = time.process_time()
    race = search.race(lanes)
    simulate(race, World(curve, num_lanes=lanes), moments=False)
    took = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    asked = " | ".join(f"{timed.at(place):.1f}" if place <= trials else "–" for place in PLACES)
    done = sum(track.done for track in race.tracks)
    return f"| {method} | {trials} | {lanes} | {done} | {took:.1f} | {asked} | {peak:.0f} |"


def lane_use(schedule: str, trials: int, lanes: int) -> str:
    """Return the use of lanes in a search; its slowest trials take three times as long as the fastest."""
    rule = EarlyTerminate(type=schedule)
    sweep = toy_sweep(space=SPACE, trials=trials, epochs=27, train_together=1, seed=1, early_terminate=rule)
    race = Search(sweep, HYPERPARAMETERS, None).race(lanes)
    spans: list[Span] = []

    def epoch_s(leg: Leg) -> float:
        return LONG_S * (1 + float(str(leg.members[0].params["size"])) / 500)

    simulate(race, World(curve, epoch_s=epoch_s, num_lanes=lanes), moments=False, seen=spans.append)
    end_s = max(span.end_s for span in spans)
    ends = max((span.end_s for span in spans if span.leg.stop < span.leg.horizon), default=end_s), end_s
    used = [
        sum(max(0.0, min(span.end_s, until) - span.begin_s) for span in spans) / (lanes * until) for until in ends
    ]
    return f"| {schedule} | {trials} | {lanes} | {used[0]:.3f} | {used[1]:.3f} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate the searches of the command line, each in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--lanes-share", type=int, default=10, help="trials by lanes")
    parser.add_argument("--methods", nargs="+", default=["random", "tpe"])
    parser.add_argument("--lane-use", type=int, help="measure the use of so many lanes")
    parser.add_argument("--schedules", nargs="+", default=["asha", "hyperband", "asha_stopping", "median", "none"])
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one:
        print(one(chosen.methods[0], chosen.trials[0], max(1, chosen.trials[0] // chosen.lanes_share)))
        return
    if chosen.lane_use:
        print("| schedule | trials | lanes | use until the last rung | to the end |")
        print("|---|---|---|---|---|")
        for schedule, trials in itertools.product(chosen.schedules, chosen.trials):
            print(lane_use(schedule, trials, chosen.lane_use))
        return
    print("| method | trials | lanes | done | CPU s | ms at 100 | at 1,000 | at 10,000 | peak MiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for method in chosen.methods:
        for trials in chosen.trials:
            command = [sys.executable, "-m", "tests.benchmarks.race_scale", "--one", "--methods", method]
            share = ["--trials", str(trials), "--lanes-share", str(chosen.lanes_share)]
            subprocess.run([*command, *share], check=True)


if __name__ == "__main__":
    main()
