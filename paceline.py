"""Paceline from Python: run sweeps, look at their results, go on with them.

    import paceline

    result = paceline.run({"workload": "mlp", "data": {"name": "digits"}}, trials=20)
    result.best.params
    result.model().predict(rows)

A sweep runs in a process of its own: any number of them run, one after the other or at once, and nothing that
befalls one ends this process. What a sweep leaves behind is what ``paceline run`` leaves: both are the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from cluster.driver.comparing.comparison import Comparison
from cluster.python.begin import begun_of, checked
from cluster.python.job import Job, job_of, submitted_of
from cluster.python.outcome import Best, Recommended, telling
from cluster.python.result import Progress, Result, Running, begun_beside, followed, refuse_unknown
from cluster.python.resume import home_of
from search_spaces.types.driver_errors import BrokeOff, SweepError, Unable
from search_spaces.types.faults import SpecError

if TYPE_CHECKING:
    from cluster.python.specs import Spec
    from search_spaces.spec.sweep import Sweep

__all__ = [
    "Best",
    "BrokeOff",
    "Comparison",
    "Job",
    "Recommended",
    "Result",
    "Running",
    "SpecError",
    "SweepError",
    "Unable",
    "check",
    "job",
    "load",
    "run",
    "start",
    "submit",
]

NOTHING: Mapping[str, Any] = MappingProxyType({})


def run(
    spec: Spec = NOTHING, overrides: Mapping[str, Any] = NOTHING, *, progress: Progress = "auto", **keys: Any
) -> Result:
    """Run the sweep of a file's path, a mapping of a file's keys, or a checked sweep, and return its result.

    ``keys`` override keys of the spec, as ``trials=20``, or are all of it; ``overrides`` does so by dotted names,
    as ``{"parameters.lr.max": 0.1}``. ``progress`` says how it is shown: as fits the place (``auto``), as a table
    in the terminal (``live``), by ``lines``, or by messages alone (``quiet``). An interrupt stops the sweep
    cleanly, a second one at once; the result's state is then ``stopped``.

    Trials that fail raise nothing. Raises SpecError, whose text has a line for each fault of the spec, Unable where
    the sweep cannot run here, and BrokeOff where it cannot go on.
    """
    refuse_unknown(progress)
    sweep, home = begun_of(spec, {**overrides, **keys})
    return followed(home, sweep, progress)


def start(
    spec: Spec = NOTHING, overrides: Mapping[str, Any] = NOTHING, *, progress: Progress = "auto", **keys: Any
) -> Running:
    """Start a sweep in the background; ``await`` what is returned, or ask for its ``result()``.

    As ``run`` otherwise; outside of a notebook it shows messages alone, unless ``progress`` asks for more.
    """
    refuse_unknown(progress)
    sweep, home = begun_of(spec, {**overrides, **keys})
    return begun_beside(home, sweep, progress)


def submit(
    spec: Spec = NOTHING,
    overrides: Mapping[str, Any] = NOTHING,
    *,
    on: str | None = None,
    code: Literal["ship", "image"] | None = None,
    **keys: Any,
) -> Job:
    """Submit a sweep to a cluster, or to a process of this machine that outlives this one, and return.

    ``on`` is ``local``, ``http://HEAD:8265``, ``ray://HEAD:10001`` or ``k8s:CONTEXT/NAMESPACE``; None:
    PACELINE_TARGET, else ``local``. ``code`` says whether Paceline is shipped with it (``ship``) or is in the
    cluster's image (``image``); None: ``ship``, on Kubernetes ``image``.

    Raises SpecError, and Unable where the target refuses.
    """
    return submitted_of(spec, {**overrides, **keys}, on, code)


def check(spec: Spec = NOTHING, overrides: Mapping[str, Any] = NOTHING, **keys: Any) -> Sweep:
    """Return the checked sweep of a spec with overrides, as ``run`` takes them. Raises SpecError."""
    return checked(spec, {**overrides, **keys})


def load(reference: str = "last") -> Result:
    """Return an earlier sweep of this folder, by its ID, a unique beginning of one, its name, or ``last``.

    Raises LookupError with the known IDs where there is none, and BrokeOff where its study is away.
    """
    with telling():
        return Result(home_of(reference))


def job(reference: str = "last", on: str | None = None) -> Job:
    """Return a sweep that was submitted from this folder, or one on target ``on``, by what ``load`` takes.

    Raises LookupError where there is none.
    """
    return job_of(reference, on)
