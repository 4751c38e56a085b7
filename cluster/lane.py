"""A lane: the process that trains legs one after the other. Tune sees one trial a leg, in a reused actor."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING, Any

from workloads.importing import importing

with importing():
    from ray import tune

    from cluster.reports import Report, Shared
    from cluster.stint import Stint

if TYPE_CHECKING:
    from workloads.stream import Shard, Stream


class Lane(tune.Trainable):
    """See the module. Configuration: ``leg`` as JSON and, for final legs alone, ``test``, the locked split."""

    def setup(self, config: dict[str, Any], shared: Shared) -> None:  # type: ignore[override] # with_parameters
        """Takes the first leg."""
        self._stint = Stint(shared, _own_shard)
        self._order = config

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes the next leg."""
        self._order = new_config
        return True

    def step(self) -> dict[str, Any]:
        """Trains until there is something to report. What the workload's code raises becomes a report, too."""
        begun = time.monotonic()
        try:
            report = self._stint.step(self._order)
        except Exception:  # noqa: BLE001 - told whole to the driver, which retries and in the end tells the user
            self._stint.forget()
            report = Report(failure=traceback.format_exc(), done=True, seconds=time.monotonic() - begun)
        return report.to_result()


def _own_shard(stream: Stream) -> Shard:
    from workloads.stream_ray import own_shard  # imports torch, which the driver does without

    return own_shard(stream)
