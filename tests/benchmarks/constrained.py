"""Searches under constraints on small analytic problems whose best feasible value is known.

``python -m tests.benchmarks.constrained`` prints the table of RESULTS.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from search_spaces.samplers.catalogue import sampler
from search_spaces.samplers.history import History, Observation
from search_spaces.space.domains import Uniform
from search_spaces.space.space import Space
from search_spaces.types.objective import LOSS

Measured = tuple[float, Mapping[str, float]]
"""A value to minimise, and by how much each constraint is broken."""


@dataclass(frozen=True)
class Problem:
    """A problem with its best feasible value, and the value that counts while a search has none."""

    measure: Callable[..., Measured]
    space: Space
    best: float
    worst: float


def sim1(x: float, y: float) -> Measured:
    """Gardner et al. 2014, the first simulation."""
    return math.cos(2 * x) * math.cos(y) + math.sin(x), {"c": math.cos(x + y) - 0.5}


def gramacy(x: float, y: float) -> Measured:
    """Gramacy et al. 2016, a plane with a wavy edge."""
    wavy = 1.5 - x - 2 * y - 0.5 * math.sin(2 * math.pi * (x * x - 2 * y))
    return x + y, {"wavy": wavy, "round": x * x + y * y - 1.5}


def vessel(shell: float, head: float, radius: float, length: float) -> Measured:
    """The pressure vessel (Coello Coello and Montes 2002), its four sizes continuous."""
    cost = 0.6224 * shell * radius * length + 1.7781 * head * radius**2
    cost += 3.1661 * shell**2 * length + 19.84 * shell**2 * radius
    volume = math.pi * radius**2 * length + 4 / 3 * math.pi * radius**3
    return cost, {"s": 0.0193 * radius - shell, "h": 0.00954 * radius - head, "v": 1_296_000 - volume}


THICK = Uniform(0.0625, 6.1875)
PROBLEMS = {
    "sim1": Problem(sim1, Space({"x": Uniform(0, 6), "y": Uniform(0, 6)}), -2.0, 3.0),
    "gramacy": Problem(gramacy, Space({"x": Uniform(0, 1), "y": Uniform(0, 1)}), 0.5998, 2.0),
    "vessel": Problem(
        vessel,
        Space({"shell": THICK, "head": THICK, "radius": Uniform(10, 50), "length": Uniform(10, 200)}),
        5885.3,
        60_000.0,
    ),
}


def regrets(
    problem: Problem, method: str, num_trials: int, at: Sequence[int], seeds: Sequence[int] = range(10)
) -> list[float]:
    """Mean regret of the best feasible value after so many trials."""
    found = []
    for seed in seeds:
        asked, history, best = sampler(method, problem.space, LOSS, seed, (1,)), History(), [problem.worst]
        for number in range(num_trials):
            (params,) = asked.ask(history, 1, {})
            value, excess = problem.measure(**params)
            able = max(excess.values()) <= 0
            seen = (
                Observation(params, "done", {1: value}, value, excess)
                if able
                else Observation(params, "infeasible", {}, None, excess)
            )
            history.put(number, seen)
            best.append(min(best[-1], value if able else math.inf))
        found.append([best[num] - problem.best for num in at])
    return [float(mean) for mean in np.mean(found, axis=0)]


def main() -> None:
    """Print a row for each problem and method."""
    print("| problem | method | at 15 | at 20 | at 30 | at 40 |\n|---|---|---|---|---|---|")
    for name, problem in PROBLEMS.items():
        for method in ("auto", "tpe", "random"):
            row = regrets(problem, method, 40, (15, 20, 30, 40))
            print(f"| {name} | `{method}` | {' | '.join(f'{value:.4g}' for value in row)} |", flush=True)


if __name__ == "__main__":
    main()
