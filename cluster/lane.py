"""A lane: the process that trains legs one after the other. Tune sees one trial a leg, in a reused actor."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from cluster.opening import open_models_of
from cluster.reports import Report, Shared
from search_spaces.legs import Exhibit, Leg, MemberEpoch, Saved

if TYPE_CHECKING:
    from workloads.leg import LegRunner

REPORT_EVERY_S = 0.5
"""A lane trains whole epochs for about this long before it reports: a report costs Tune several milliseconds."""
CHECKPOINT_EVERY_S = 30.0
"""Within a long leg; every leg ends with a checkpoint."""


class Lane(tune.Trainable):
    """See the module. Configuration: ``leg`` as JSON and, for final legs alone, ``test``, the locked split."""

    def setup(self, config: dict[str, Any], shared: Shared) -> None:  # type: ignore[override] # with_parameters
        """Takes the first leg."""
        self._saved_at, self._num_unsaved = 0.0, 0
        self._shared = shared
        self._runner: LegRunner | None = None
        self._leg: Leg | None = None
        self._config = config

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes the next leg."""
        self._config = new_config
        return True

    def step(self) -> dict[str, Any]:
        """Trains until there is something to report. What the workload's code raises becomes a report, too."""
        begun = time.monotonic()
        try:
            report = self._train(begun)
        except Exception:  # noqa: BLE001 - told whole to the driver, which retries and in the end tells the user
            report = Report(failure=traceback.format_exc(), done=True, seconds=time.monotonic() - begun)
        if report.done:
            self._leg = None
        return report.to_result()

    def _train(self, begun: float) -> Report:
        leg, runner = self._started()
        epochs: list[MemberEpoch] = []
        exhibits: list[Exhibit] = []
        stopping = self._shared.stop_mark.exists()
        while not runner.done and not stopping and time.monotonic() - begun < REPORT_EVERY_S:
            epochs += runner.epoch()
            exhibits += runner.exhibits()
            self._num_unsaved += 1
            stopping = self._shared.stop_mark.exists()
        over = runner.done or stopping
        saved: Sequence[Saved] = ()
        if self._num_unsaved and (over or time.monotonic() - self._saved_at > CHECKPOINT_EVERY_S):
            saved, self._saved_at, self._num_unsaved = runner.save(), time.monotonic(), 0
        return Report(
            epochs=epochs,
            saved=saved,
            scored=runner.score() if runner.done and leg.purpose == "final" else (),
            exhibits=exhibits,
            messages=runner.take_messages(),
            done=over,
            seconds=time.monotonic() - begun,
        )

    def _started(self) -> tuple[Leg, LegRunner]:
        from workloads.leg import LegRunner, LegSetting

        if self._runner is None:
            open_models_of(self._shared.tracking_uri)
            self._runner = LegRunner(LegSetting(**self._shared.setting), ray.get(self._shared.search))
        if self._leg is None:
            test = self._config.get("test")
            self._runner.test = None if test is None else ray.get(test)[0]
            self._leg = Leg.from_json(self._config["leg"])
            self._runner.start(self._leg)
            self._saved_at, self._num_unsaved = time.monotonic(), 0
        return self._leg, self._runner
