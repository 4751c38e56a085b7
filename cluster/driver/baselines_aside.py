"""Measures a sweep's baselines in the champion's actor while finalists are trained; waits for them at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray

from cluster.sweep.home import SweepHome
from search_spaces.criteria.metric_names import on_test
from search_spaces.spec.sweep import Sweep
from search_spaces.types.error_text import last_line
from workloads.registry import described

SOON_S, MOST_S = 5.0, 180.0
"""Seconds for which the end of a sweep waits for baselines without a word, and at most."""


def measure_here(workload: str, metric: str, checkpoints: str, search: Any, test: Any) -> None:
    """Fit and score the baselines of a test split, and keep them beside the checkpoints; needs no Ray."""
    from workloads.baselines.measure import measure  # 1,300 ms: torch
    from workloads.champion.test_scores import TestSplit  # 1,300 ms: torch

    measure(TestSplit.of(workload, metric.removeprefix("test_"), search, test), checkpoints)


@dataclass
class BaselinesAside:
    """The measuring of one sweep's baselines, which begins once."""

    home: SweepHome
    sweep: Sweep
    _going: Any = None

    @property
    def wanted(self) -> bool:
        """Whether they are asked for, and Paceline knows the test data."""
        final, kind = self.sweep.final, described(self.sweep.workload)
        own = kind.tests_itself(self.sweep.data.given, self.sweep.metric.name)
        return final is not None and final.baselines and self.sweep.data.given and not own

    def begin(self, worker: Any, search: Any, test: Any) -> None:
        """Begin in the actor ``worker``, which is not called again where it dies; a second call does nothing."""
        if self._going is None and self.wanted:
            order = (self.sweep.workload, on_test(self.sweep.metric.name), self.home.checkpoints)
            self._going = worker.measure.options(max_task_retries=0).remote(*order, search, test)

    def wait(self, worker: Any, say: Callable[[str], None]) -> str:
        """Wait until all are measured, at most ``MOST_S``; return why they were cut off, empty where they were not.

        Of an actor that is too slow the process ends, and another one takes its place.
        """
        if self._going is None:
            return ""
        try:
            done, _ = ray.wait([self._going], timeout=SOON_S)
            if not done:
                say(f"waiting for baselines, at most {MOST_S:.0f} s (`final: {{baselines: false}}` turns them off)")
                done, _ = ray.wait([self._going], timeout=MOST_S)
            if not done:
                ray.cancel(self._going)  # where the actor has not begun with it, or the next process would
                ray.kill(worker, no_restart=False)
                return f"it took longer than {MOST_S:.0f} s"
            ray.get(self._going)
        except ray.exceptions.RayError as error:
            told = last_line(error)
            say(f"baselines could not be measured: {told}")
            return told
        return ""
