"""The job that a cluster runs for a sweep: `python -m cluster.job ID` starts or continues it, until it ends.

Everything else comes from the environment: PACELINE_SPEC (path of the submitted spec), PACELINE_FOLDER (folder of
its file), PACELINE_HOME (folder of sweep homes), PACELINE_ATTEMPT (first attempt number), PACELINE_CODE
(``ship`` or ``image``), PACELINE_VERSION (the submitting Paceline's), PACELINE_TRIALS (new number of trials),
PACELINE_BUDGET (new limits), MLFLOW_TRACKING_URI. Exit codes are those of `paceline run`. With ``--local`` the
sweep runs on a Ray of its own, with ``--kill`` its driver is killed, with ``--steer`` it is told what
PACELINE_STEER asks for.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.doctor.proxies import reach_this_machine_directly
from cluster.exit_codes import BAD_SPEC, FAILED, FINISHED, INTERRUPTED
from workloads.arrays import DataError

if TYPE_CHECKING:
    from cluster.lanes.joined_cluster import Joined
    from cluster.sweep.home import SweepHome
    from cluster.sweep.limits.extension import Extension
    from search_spaces.spec.sweep import Sweep

USAGE = "usage: python -m cluster.job ID [--local | --kill | --steer]"
SIGNALS_APART_S = 0.5
LOCK_PATIENCE_S = 90.0
"""Seconds to wait for an earlier attempt's driver to end: the pod's grace period."""
PYTHON = ((3, 11), (3, 14))


class JobRefused(Exception):
    """Error: the job cannot start; the message says what to do."""


def main(arguments: list[str]) -> int:
    """Run the sweep and return the exit code."""
    reach_this_machine_directly()
    words = [word for word in arguments if not word.startswith("-")]
    flags = set(arguments) - set(words)
    if (
        len(words) != 1
        or not re.fullmatch(r"[0-9a-f]{4,32}", words[0])
        or not flags <= {"--local", "--kill", "--steer"}
    ):
        print(USAGE, file=sys.stderr)
        return BAD_SPEC
    from search_spaces.types.driver_errors import CANNOT_GO_ON
    from search_spaces.types.faults import SpecError

    try:
        _check_python()
        if "--kill" in flags:
            return _kill(words[0])
        if "--steer" in flags:
            return _steer(words[0])
        _check_code()
        return _run(words[0], local="--local" in flags)
    except (JobRefused, SpecError) as error:
        print(error, file=sys.stderr)
        return BAD_SPEC
    except CANNOT_GO_ON as error:
        print(error, file=sys.stderr)
        return FAILED
    except ModuleNotFoundError as error:
        print(
            f"{sys.executable} has no module {error.name}: install Paceline's dependencies on every node of the "
            "cluster, and start Ray where `python` is the one that has them",
            file=sys.stderr,
        )
        return BAD_SPEC
    except KeyboardInterrupt:
        return INTERRUPTED
    except (OSError, RuntimeError) as error:
        from cluster.doctor.surroundings import sentence

        if (said := sentence(error)) is None:
            raise
        print(said, file=sys.stderr)
        return FAILED


def _check_python() -> None:
    if not PYTHON[0] <= sys.version_info[:2] < PYTHON[1]:
        least, most = (".".join(map(str, bound)) for bound in PYTHON)
        have = sys.version.split()[0]
        raise JobRefused(f"the cluster runs Python {have}, and Paceline needs {least} or newer, below {most}")


def _check_code() -> None:
    """Raise JobRefused where the installed Paceline differs from the submitted one.

    Otherwise workers might import the one and the driver the other.
    """
    code, sent = os.environ.get("PACELINE_CODE"), os.environ.get("PACELINE_VERSION")
    try:
        installed: str | None = metadata.version("paceline")
    except metadata.PackageNotFoundError:
        installed = None
    if code == "ship" and installed not in (None, sent):
        raise JobRefused(
            f"the cluster has Paceline {installed} installed, and {sent} was sent: submit with --code image"
        )
    if code == "image" and installed != sent:
        there = f"Paceline {installed}" if installed else "no Paceline"
        raise JobRefused(
            f"the cluster's image holds {there}, and {sent} submits: use an image of {sent}, or --code ship"
        )


def _run(sweep_id: str, local: bool) -> int:
    from cluster.cli.commands.run import tell_end
    from cluster.cli.commands.shared import reading
    from cluster.sweep.home import Busy
    from cluster.sweep.stop import interrupted_by_sigterm
    from search_spaces.types.faults import SpecError

    interrupted_by_sigterm()
    home, sent = _home(sweep_id)
    try:
        with _only_driver(home) as submission:
            _settle(home, sent)
            try:
                code = _drive(home, submission) if local else _drive_on_cluster(home, submission)
            except (JobRefused, SpecError):
                if not home.has_begun:
                    home.remove()
                raise
    except Busy as error:
        raise JobRefused(f"{error}; only one attempt at a time can drive it") from error
    tell_end(reading(home), as_json=False)
    return code


@contextmanager
def _only_driver(home: SweepHome) -> Iterator[str | None]:
    """Hold the sweep's driver lock for the block, with a new attempt number in PACELINE_ATTEMPT.

    Yields the number that was there, if any: that of the submission, whose job may have been restarted since. Waits
    at most ``LOCK_PATIENCE_S`` for an earlier attempt to end, then raises Busy.
    """
    from cluster.sweep.attempt import claim_attempt
    from cluster.sweep.home import root
    from search_spaces.types.files.private_files import private_files

    deadline = time.monotonic() + LOCK_PATIENCE_S
    while home.driver_pid() is not None and time.monotonic() < deadline:
        time.sleep(1)
    with private_files():
        home.path.mkdir(parents=True, exist_ok=True)
    with home.driven():
        first = os.environ.get("PACELINE_ATTEMPT")
        number = claim_attempt(root(), home.id, int(first) if first and first.isdigit() else 1)
        os.environ["PACELINE_ATTEMPT"] = str(number)
        yield first


def _home(sweep_id: str) -> tuple[SweepHome, Sweep | None]:
    """Return the sweep's home, restored from the study where it was lost, and the submitted spec.

    A home that is not there yet is not made. Raises JobRefused where there is neither.
    """
    from cluster.sweep.home import SweepHome, root
    from cluster.sweep.restore import rebuilt

    home, sent = SweepHome(sweep_id, root().resolve() / sweep_id), _sent()
    if not home.path.exists():
        with suppress(FileExistsError):  # another attempt has restored it just now
            rebuilt(sweep_id, whole=True)
    if sent is None and not _is_made(home):
        raise JobRefused(f"there is no sweep {sweep_id} in {root()}, and PACELINE_SPEC names no spec to begin with")
    return home, sent


def _is_made(home: SweepHome) -> bool:
    return any(path.exists() for path in (home.spec, home.document, home.journal))


def _settle(home: SweepHome, sent: Sweep | None) -> None:
    """Write the spec of a new home; an existing one takes ``data`` and ``tracking`` of the submitted spec.

    Those are valid here. Only the sweep's driver may do this. Raises JobRefused where the home is another sweep's.
    """
    from cluster.cli.commands.shared import reading
    from cluster.sweep.knowledge.warm_start import arrived, begun, beside
    from cluster.sweep.mlflow_models.pinned import pinned
    from cluster.sweep.shared_storage import named
    from search_spaces.types.faults import SpecError

    if sent is None:
        return
    if not _is_made(home):
        spec = Path(os.environ["PACELINE_SPEC"])
        known = spec.with_name(beside(spec.name))
        found = pinned(sent, home.spec.name)
        sent = found.sweep
        for told in found.told():
            print(told, flush=True)
        if known.exists():
            arrived(named(sent), home, known.read_bytes())
        else:
            begun(named(sent), home.spec.name, home)
        return
    try:
        kept = home.sweep()
    except SpecError:
        if not home.journal.exists():
            raise
        kept = reading(home).sweep  # by the study's own copy
    if (kept.name, kept.workload, kept.seed) != (sent.name, sent.workload, sent.seed):
        raise JobRefused(f"{home.path} is the home of another sweep, {kept.name!r}: submit again, under another ID")
    home.keep(kept.model_copy(update={"data": sent.data, "tracking": sent.tracking, "folder": sent.folder}))


def _sent() -> Sweep | None:
    from search_spaces.spec.sweep import load_sweep
    from search_spaces.types.module_path import FOLDER
    from workloads.registry import catalogue

    path = os.environ.get("PACELINE_SPEC")
    folder = Path(os.environ.get(FOLDER) or Path.cwd())
    return load_sweep(Path(path), catalogue=catalogue(), folder=folder) if path else None


def _drive_on_cluster(home: SweepHome, submission: str | None) -> int:
    from cluster.doctor.reachability import missing_on_cluster
    from cluster.lanes.joined_cluster import joined
    from search_spaces.types.faults import SpecError

    if faults := list(missing_on_cluster(home)):
        raise SpecError(faults)
    with joined(home.id) as cluster:
        return _drive(home, submission, cluster)


def _drive(home: SweepHome, submission: str | None, cluster: Joined | None = None) -> int:
    from cluster.cli.commands.shared import reading
    from cluster.doctor.stores import StoresRefused
    from cluster.doctor.surroundings import Unfit
    from cluster.driver.driver import DataChanged, drive
    from cluster.python.showing import title
    from cluster.sweep.knowledge.edit import settle_waiting
    from cluster.sweep.lane_count import TooSmall
    from cluster.terminal.views import LineView

    print(f"sweep {home.id}, attempt {os.environ.get('PACELINE_ATTEMPT', '1')}", flush=True)
    if home.has_begun:
        for told in settle_waiting(reading(home)):
            print(told, flush=True)
    try:
        with LineView(title(home, home.sweep()), sys.stdout) as view:
            return drive(home, view, _more(home, submission), process_ends=True, joined=cluster)
    except (DataError, DataChanged, StoresRefused, TooSmall, Unfit) as error:
        raise JobRefused(str(error)) from error


def _more(home: SweepHome, submission: str | None) -> Extension | None:
    """Return what PACELINE_TRIALS and PACELINE_BUDGET add to the sweep; None where they are unset.

    Nothing is added twice: not where the submission's job was restarted after that.
    """
    trials, budget = os.environ.get("PACELINE_TRIALS") or None, os.environ.get("PACELINE_BUDGET", "").split()
    if trials is None and not budget:
        return None
    from cluster.cli.commands.shared import reading
    from cluster.sweep.limits.extension import EXTENDED
    from cluster.sweep.more_trials import extension

    read = reading(home)
    if submission and read.study.facts().get(EXTENDED) == submission:
        return None
    return replace(extension(read, trials, budget), origin=submission)


def _steer(sweep_id: str) -> int:
    """Leave the wish of PACELINE_STEER in the sweep's home, and print what its driver says. Raises SpecError."""
    from cluster.cli.commands.shared import reading
    from cluster.sweep.home import Busy, SweepHome
    from cluster.sweep.knowledge.edit import Refused
    from cluster.sweep.steering.asking import STEER, asked, wish_from_json

    try:
        print("\n".join(asked(reading(SweepHome.find(sweep_id)), wish_from_json(os.environ[STEER]))))
    except (Busy, Refused, LookupError) as error:
        raise JobRefused(str(error.args[0])) from error
    return FINISHED


def _kill(sweep_id: str) -> int:
    """End the driver, which must run on this node, at once: two SIGTERMs, then, if it still runs, a kill.

    Raises JobRefused where it is another machine's.
    """
    from cluster.sweep.home import Busy, SweepHome

    home = SweepHome.find(sweep_id)
    try:
        for _ in range(2):
            home.request_stop()
            time.sleep(SIGNALS_APART_S)
        home.request_stop(now=True)
    except Busy as error:
        raise JobRefused(str(error)) from error
    return FINISHED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
