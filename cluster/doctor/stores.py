"""Checks that a sweep's study, checkpoints and MLflow can be used from this machine, by trying each."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.doctor.machine import Check, State, judged
from cluster.sweep.shared_storage import CHECKPOINTS, STUDY
from search_spaces.study.addresses import checkpoints_fault, study_fault, without_secret
from search_spaces.types.driver_errors import StudyAway
from search_spaces.types.error_text import one_line
from search_spaces.types.passwords import masked, without_password
from search_spaces.types.within import within
from tracking.store.damaged_file import BUSY_S
from tracking.store.errors import Away, Denied
from tracking.store.open import resolve, sqlite_path
from tracking.store.try_server import NotMlflow, try_server
from tracking.store.uris import closed, is_server, source, unfit, unusable
from workloads.legs import checkpoint

if TYPE_CHECKING:
    from cluster.sweep.home import SweepHome
    from search_spaces.spec.sweep import Sweep

LIMIT_S = 30.0
SOON_S = 5.0
ATTEMPT = "PACELINE_ATTEMPT"
_MARKER = ".paceline-check"
_S3 = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_REMEDIES = (
    ("install s3fs", "pip install 'paceline[s3]'"),
    ("please install", "install what it names"),
    ("protocol not known", "write s3://BUCKET/PREFIX, another of fsspec's URIs, or a folder"),
    ("unable to locate credentials", f"set {_S3}, or a profile"),
    ("nosuchbucket", "create the bucket, or name another"),
    ("bucket does not exist", "create the bucket, or name another"),
    ("invalidaccesskeyid", f"put the right ones into {_S3}"),
    ("signaturedoesnotmatch", f"put the right ones into {_S3}"),
    ("forbidden", f"put the right ones into {_S3}, and let them read, write and delete there"),
    ("access denied", "let these credentials read, write and delete there"),
    ("connect", "correct AWS_ENDPOINT_URL, or see that this machine can reach it"),
    ("permission denied", "make the folder writable"),
    ("read-only", "name a folder that can be written"),
)


class StoresRefused(Exception):
    """Error: some stores of a sweep cannot be used. The message has a line with a remedy for each."""


def attempt() -> int | None:
    """Return this driver's attempt number from PACELINE_ATTEMPT; None where it is not set to a number."""
    text = os.environ.get(ATTEMPT, "")
    return int(text) if text.isdigit() else None


def refuse_stores(home: SweepHome, sweep: Sweep, say: Callable[[str], None], num_machines: int = 1) -> None:
    """Try the stores of a sweep with shared stores or several machines; warnings go to ``say``.

    Raises StoresRefused with every store that cannot be used.
    """
    shared = isinstance(home.study, str) or sweep.storage.checkpoints or num_machines > 1
    found = [check_study(home.study), check_checkpoints(home, num_machines)] if shared else []
    if shared or is_server(resolve(sweep.tracking.uri)) or _never(sweep.tracking.uri):
        found.append(check_tracking_of(sweep))
    for check in found:
        if check.state == "warning":
            say(f"{check.name}: {check.found}; {check.remedy}")
    wrong = [f"{check.name}: {check.found}; {check.remedy}" for check in found if check.state == "wrong"]
    if wrong:
        raise StoresRefused("\n".join(wrong))


def _never(uri: str | None) -> str | None:
    """Return why nothing can be written to MLflow's store; None where it can, or may at another time by itself."""
    return unusable(uri) or closed(uri) or unfit(uri)


def check_study(place: object) -> Check:
    """Check that the study's database can be reached and used; a journal file (a Path) is not tried."""
    if not isinstance(place, str):
        return Check(name="study", state="ok", found=f"journal file {place}")
    url = masked(without_password(place))
    if never := study_fault(place):
        return Check(name="study", state="wrong", found=without_secret(url), remedy=f"it {without_secret(never)}")
    try:
        from search_spaces.study.postgres import usable  # 300 ms: SQLAlchemy

        if trouble := usable(place):
            return Check(name="study", state="wrong", found=f"{url}: {trouble[0]}", remedy=trouble[1])
    except StudyAway as error:
        return Check(name="study", state="wrong", found=f"{error.url}: {error.said}", remedy=error.remedy)
    return Check(name="study", state="ok", found=url)


def check_checkpoints(home: SweepHome, num_machines: int = 1) -> Check:
    """Check that a file can be written, read and deleted in the sweep's checkpoint folder.

    With several machines the folder must not be one of this machine alone.
    """
    name, uri = "checkpoints", home.checkpoints
    if num_machines > 1 and not home.storage.checkpoints and not os.environ.get("PACELINE_HOME"):
        remedy = "set PACELINE_CHECKPOINTS to s3://BUCKET/PREFIX or to a folder that all machines see"
        return Check(
            name=name, state="wrong", found=f"{uri} is this machine's, and several take part", remedy=remedy
        )
    return check_place(name, uri)


def check_place(name: str, uri: str) -> Check:
    """Check that a file can be written below ``uri``, read and deleted, within ``LIMIT_S`` seconds."""
    shown = masked(without_password(uri))
    if never := checkpoints_fault(uri):
        return Check(name=name, state="wrong", found=without_secret(shown), remedy=f"it {without_secret(never)}")
    try:
        within(LIMIT_S, lambda: _round_trip(uri))
    except Exception as error:  # noqa: BLE001 - stores raise errors of any type; it is reported with a remedy
        said = one_line(error)
        remedy = next((what for sign, what in _REMEDIES if sign in said.lower()), "see that it can be written to")
        return Check(name=name, state="wrong", found=f"{shown}: {said}", remedy=remedy)
    return Check(name=name, state="ok", found=f"{shown}, written, read and deleted")


def leave_marker(uri: str, text: str) -> None:
    """Write a file with this text below ``uri``, for ``sees_marker`` on other machines."""
    checkpoint.put(uri, _MARKER, text.encode())


def sees_marker(uri: str, text: str) -> bool:
    """Whether the file that ``leave_marker`` wrote on another machine can be read here, with the same text."""
    try:
        return checkpoint.get(uri, _MARKER) == text.encode()
    except FileNotFoundError:
        return False


def _round_trip(uri: str) -> None:
    content = os.urandom(8).hex()
    folder = f"{uri.rstrip('/')}/{_MARKER}-{content}"
    checkpoint.put(folder, _MARKER, content.encode())
    try:
        if checkpoint.get(folder, _MARKER) != content.encode():
            raise OSError("what was written there was not read again")
    finally:
        checkpoint.delete(folder)


def shared() -> Iterator[Check]:
    """Check the stores that the environment names for sweeps to share."""
    if study := os.environ.get(STUDY):
        yield check_study(study)
    if checkpoints := os.environ.get(CHECKPOINTS):
        yield check_place("checkpoints", checkpoints)


def check_tracking_of(sweep: Sweep) -> Check:
    """Check the MLflow store of a sweep that is about to start here; a server is not waited for long."""
    experiment = sweep.tracking.experiment or sweep.name
    return check_tracking(sweep.tracking.uri, experiment=experiment, limit_s=SOON_S)


def tracking() -> Iterator[Check]:
    """Check that the MLflow store of this folder can be used, without creating one."""
    yield check_tracking(None, away="wrong")


def check_tracking(
    uri: str | None, away: State = "warning", experiment: str | None = None, limit_s: float | None = None
) -> Check:
    """Check MLflow: a server must let us read and write, S3 artifacts need boto3, a file or database be usable.

    ``away`` is the state of the check where a server does not answer: results of a running sweep wait for it. The
    write is to ``experiment`` where there is one of that name.
    """
    never = _never(uri)
    place, uri = source(uri), resolve(uri)
    path, shown = sqlite_path(uri), masked(uri)
    if never:
        return Check(name="tracking", state="wrong", found=f"{place} is {shown!r}", remedy=f"it {never}")
    if path is not None:
        return _file(path)
    if is_server(uri):
        return _server(uri, experiment, away, limit_s or LIMIT_S)
    if uri.startswith("postgresql"):
        found = check_study(uri)
        return Check(name="tracking", state=found.state, found=found.found, remedy=found.remedy)
    return Check(name="tracking", state="ok", found=shown)


def _file(path: Path) -> Check:
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    if not path.exists() or path.stat().st_size == 0:
        folder = next(parent for parent in path.parents if parent.exists())
        writable = os.access(folder, os.W_OK)
        return judged("tracking", writable, f"{shown} is made by the first sweep", f"make {folder} writable")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_S)) as connection:
            runs = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
    except sqlite3.Error as error:
        if "locked" in str(error):
            remedy = "another process writes it: results wait in the sweep's home until it has ended"
            return Check(name="tracking", state="warning", found=f"{shown}: {error}", remedy=remedy)
        remedy = f"move {shown} away (a new one is made), or run `mlflow db upgrade sqlite:///{shown}`"
        return Check(name="tracking", state="wrong", found=f"{shown}: {error}", remedy=remedy)
    return judged("tracking", os.access(path, os.W_OK), f"{shown}, {runs} runs", f"make {shown} writable")


def _server(uri: str, experiment: str | None, away: State, limit_s: float) -> Check:
    shown = masked(uri)
    try:
        return _artifacts(shown, try_server(uri, experiment, limit_s))
    except Denied as error:
        found, _, remedy = str(error).partition(": ")
        return Check(name="tracking", state="wrong", found=f"{shown} {found}", remedy=remedy)
    except NotMlflow as error:
        remedy = "correct the address, or set MLFLOW_TRACKING_TOKEN where a page for logging in comes first"
        return Check(name="tracking", state="wrong", found=f"{shown} {error}", remedy=remedy)
    except (OSError, ValueError, Away) as error:
        remedy = "start it, or correct MLFLOW_TRACKING_URI; results wait in the sweep's home until it answers"
        return Check(name="tracking", state=away, found=f"{shown}: {masked(one_line(error))}", remedy=remedy)


def _artifacts(shown: str, location: str) -> Check:
    direct = location.startswith("s3://")
    return judged(
        "tracking",
        not direct or find_spec("boto3") is not None,
        f"{shown}, artifacts in {location}" if direct else f"{shown}, read and written",
        "pip install 'paceline[s3]'",
    )
