"""The search of a sweep with all that it knows from earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from cluster.sweep.knowledge.result_cache import known_results
from cluster.sweep.knowledge.warm_start import EARLIER, known_trials
from cluster.sweep.reading import TAKEN
from cluster.terminal.formatting import count
from cluster.terminal.knowledge_lines import TRAINS_AGAIN, warm_start_line
from search_spaces.race.earlier.known_results import NO_RESULTS
from search_spaces.race.search import Search
from workloads.registry import described

if TYPE_CHECKING:
    from cluster.sweep.home import SweepHome
    from search_spaces.spec.sweep import Sweep
    from search_spaces.study.study import Study


def search_of(
    home: SweepHome,
    sweep: Sweep,
    study: Study,
    say: Callable[[str], None] | None = None,
    gpus: Sequence[str] = (),
) -> Search:
    """Return the search of a sweep whose data is known.

    With ``say`` for the sweep's driver, who is told what it takes from earlier ones as it begins, and has ``gpus``
    of these kinds. Raises Unreadable where trials that it was to begin with are lost.
    """
    text, warm = known_trials(home, sweep, study)
    if say is not None and sweep.warm_start and TAKEN not in study.facts():
        study.set(EARLIER, text)
        study.set(TAKEN, [asdict(one) for one in warm.taken])
        for one in warm.taken:
            say(f"warm start: {warm_start_line(asdict(one))}")
    cache = NO_RESULTS if say is None else known_results(home, sweep, study, text, gpus)
    if say is not None and cache.results and not study.records():
        whose = ", ".join(dict.fromkeys(result.sweep for result in cache.results.values()))
        say(f"cache: {count(len(cache.results), 'result')} of equal trainings known from {whose}; {TRAINS_AGAIN}")
    return Search(sweep, described(sweep.workload).hyperparameters, study, warm, cache)
