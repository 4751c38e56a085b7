"""A sweep's own folder: its files on disk, and the lock of the process that drives it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.sweep.files.kept import (
    bears_its_mark,
    is_right,
    is_sealed,
    marked,
    noted_elsewhere,
    read_pid,
    taken,
    write_pid,
    write_whole,
)
from cluster.sweep.shared_storage import STUDY, Mark, given, is_remote, mark, named
from cluster.sweep.stop import kill_tree
from search_spaces.types.driver_errors import Busy
from search_spaces.types.faults import Fault, SpecError, did_you_mean
from search_spaces.types.files.private_files import OWN_FOLDER, private_files
from search_spaces.types.files.sealed import Rotten, sealed, unsealed
from search_spaces.types.module_path import users_folder
from workloads.registry import catalogue

if TYPE_CHECKING:
    from search_spaces.spec.place import Place
    from search_spaces.spec.schema import Storage
    from search_spaces.spec.sweep import Sweep

__all__ = ["Busy", "SweepHome", "root"]


def root() -> Path:
    """Return the folder of sweep homes: ``PACELINE_HOME``, else ``.paceline`` in the working folder."""
    given = Path(os.environ.get("PACELINE_HOME") or ".paceline")
    try:
        return given.expanduser()  # files of variables, such as Docker's, leave `~` as it is
    except RuntimeError:  # no such user
        return given


@dataclass(frozen=True)
class SweepHome:
    """The folder ``.paceline/<ID>``. All lasting state of a sweep is here or in a store that the spec names."""

    id: str
    path: Path

    @property
    def spec(self) -> Path:
        """Path of the spec as YAML, for people to read: overrides filled in, paths absolute."""
        return self.path / "sweep.yaml"

    @property
    def document(self) -> Path:
        """Path of the spec as JSON, from which a sweep is resumed; homes before format 1 have none."""
        return self.path / "sweep.json"

    @property
    def journal(self) -> Path:
        """Path of Optuna's journal."""
        return self.path / "journal.log"

    @cached_property
    def storage(self) -> Storage:
        """Stores that the sweep shares with other machines, as they were when it began."""
        if self.document.exists() or not self.spec.exists():
            return self.sweep().storage
        from search_spaces.spec.schema import Storage  # 100 ms: pydantic

        text = self.spec.read_text(encoding="utf-8", errors="replace")
        if "\nstorage:" not in text:
            return Storage()
        from search_spaces.spec.yaml_document import read_yaml  # 40 ms: PyYAML

        return Storage.model_validate(read_yaml(text, self.spec.name).tree["storage"])

    @property
    def study(self) -> Path | str:
        """Where the study is: the journal's path, or a database's URL with the password from the environment."""
        return given(self.storage.study, STUDY) if self.storage.study else self.journal

    @property
    def spool(self) -> Path:
        """Folder of the events that MLflow has not acknowledged yet."""
        return self.path / "spool"

    @property
    def checkpoints(self) -> str:
        """Folder or URI of the checkpoints, with one folder per member."""
        shared = self.storage.checkpoints
        return f"{shared}/{self.id}" if shared else str(self.path / "checkpoints")

    @property
    def driver_log(self) -> Path:
        """Path of what the driver of a submitted sweep prints; other sweeps have none."""
        return self.path / "driver.log"

    @property
    def logs(self) -> Path:
        """Folder of what trials printed, one file each; all machines see it unless checkpoints are objects."""
        shared = self.storage.checkpoints
        return (
            Path(self.checkpoints.removeprefix("file://"), "logs")
            if shared and not is_remote(shared)
            else self.path / "logs"
        )

    @property
    def has_data(self) -> bool:
        """Whether the data card is there as it was written."""
        return is_right(self.data)

    @property
    def data(self) -> Path:
        """Path of the data card and the splits' row numbers, as JSON."""
        return self.path / "data.json"

    @property
    def stop_mark(self) -> Mark:
        """Mark that, while it exists, makes lanes on all machines save and end their legs at the next epoch."""
        return mark(self.stop_place)

    @property
    def stop_place(self) -> str:
        """Path or URI of that mark, which all machines of the sweep see."""
        return f"{self.checkpoints}/stop" if self.storage.checkpoints else str(self.path / "stop")

    @property
    def _lock(self) -> Path:
        return self.path / "driver.lock"

    @classmethod
    def create(cls, sweep: Sweep, folder: Path | None = None, sweep_id: str | None = None) -> SweepHome:
        """Create a home in ``folder`` (None: ``root()``) that holds the spec and the environment's stores.

        Its ID is ``sweep_id`` if given, with FileExistsError where there is a home of that name; else random and
        new in the folder, of 2 bytes, or of 4 bytes where stores are shared with other folders.
        """
        folder, sweep = folder or root(), named(sweep)
        with private_files():
            folder.mkdir(parents=True, exist_ok=True)
        num_bytes = 4 if sweep.storage.study or sweep.storage.checkpoints else 2
        while True:
            chosen = sweep_id or os.urandom(num_bytes).hex()
            home = cls(chosen, folder.resolve() / chosen)
            try:
                home.path.mkdir(OWN_FOLDER)
            except FileExistsError:
                if not sweep_id:
                    continue
                if home.spec.exists():
                    raise
            home.keep(sweep)
            return home

    @classmethod
    def all(cls, folder: Path | None = None) -> list[SweepHome]:
        """Return every sweep of ``folder``, the newest first; none where there is no such folder."""
        paths = {
            path.parent
            for name in ("sweep.yaml", "sweep.json", "journal.log", "journal.log.copy", "data.json")
            for path in (folder or root()).glob(f"*/{name}")
        }
        homes = [cls(path.name, path.resolve()) for path in paths]
        return sorted(homes, key=lambda home: (home.began_s, home.id), reverse=True)

    @property
    def _oldest(self) -> Path:
        """The file that tells when the sweep began, and whose it is: one that was edited is newer."""
        found = [path for path in (self.spec, self.document) if path.exists()]
        return min(found, key=lambda path: path.stat().st_mtime, default=self.path)

    @property
    def began_s(self) -> float:
        """When the sweep began, in seconds since 1970."""
        return self._oldest.stat().st_mtime

    @property
    def owner(self) -> str:
        """Login of the user who began the sweep."""
        try:
            return self._oldest.owner()
        except KeyError:  # a container's user without a name
            return "unknown"

    @classmethod
    def find(cls, reference: str = "last", folder: Path | None = None) -> SweepHome:
        """Return the sweep of an ID, a unique prefix of one, ``last``, or a name, of which the newest.

        Raises LookupError with the known IDs and names.
        """
        homes = {home.id: home for home in cls.all(folder)}
        try:
            if (found := matching(reference, homes)) is not None:
                return homes[found]
        except LookupError:
            if not (named := cls.named(reference, folder)):
                raise
            return named[0]
        if named := cls.named(reference, folder):
            return named[0]
        if not homes:
            raise LookupError(f"there is no sweep in {_place(folder)}; `paceline demo` makes one")
        names = {home.id: home.name for home in homes.values()}
        known = ", ".join(f"{found} ({name})" for found, name in list(names.items())[:8])
        near = did_you_mean(reference, [*names, *filter(None, names.values())])
        where = f" in {_place(folder)}" if folder or os.environ.get("PACELINE_HOME") else ""
        raise LookupError(f"there is no sweep {reference!r}{near or ';'} known{where}: {known}")

    @classmethod
    def named(cls, name: str, folder: Path | None = None) -> list[SweepHome]:
        """Return every sweep of that name, the newest first."""
        return [home for home in cls.all(folder) if home.name == name]

    @property
    def name(self) -> str:
        """The sweep's name; empty where its spec is damaged."""
        try:
            return self.sweep().name
        except (SpecError, OSError):
            return ""

    def sweep(self, to_run: bool = False) -> Sweep:
        """Return the stored spec. Raises SpecError where a newer version wrote it, and where it is damaged.

        With ``to_run`` also where the spec's code or data is gone; a sweep can be shown without them.
        """
        from search_spaces.spec.stored import kept  # 140 ms: pydantic

        if not self.document.exists() or (not is_right(self.document) and bears_its_mark(self.spec, self.id)):
            return self.sweep_of_yaml(to_run)
        try:
            found = kept(unsealed(self.document.read_bytes()), str(self.document), self.path)
        except Rotten as error:
            raise SpecError([Fault(str(self.document), "", str(error))]) from error
        if found.sweep.folder is not None:
            users_folder(found.sweep.folder, found.sweep.packages)
        if to_run:
            from search_spaces.spec.checks.again import check_again  # 0 ms behind the line above

            check_again(found.sweep, str(self.spec), catalogue(), found.missing_in)
        return found.sweep

    def sweep_of_yaml(self, to_run: bool = False) -> Sweep:
        """Return the spec as the YAML file says it, for a home that has no other."""
        from search_spaces.spec.sweep import parse_sweep  # 140 ms: pydantic

        base = self.path if to_run else None
        try:
            text = self.spec.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError([Fault(str(self.spec), "", f"cannot be read: {error}")]) from error
        return parse_sweep(text, str(self.spec), base, catalogue=catalogue())

    def edited(self) -> str:
        """Return what is wrong with the spec for people, in words; empty where it is as it was written."""
        if bears_its_mark(self.spec, self.id) or not is_sealed(self.document):  # an earlier version marked none
            return ""
        what = "was changed since it was written" if self.spec.exists() else "is gone"
        return f"{self.spec} {what}: it is for reading alone, and the sweep goes by {self.document.name}"

    def keep(self, sweep: Sweep) -> None:
        """Write or replace the spec; the files' date stays that of the sweep's start."""
        from search_spaces.spec.stored import to_json  # 140 ms: pydantic

        began = self._oldest.stat() if self._oldest != self.path else None
        times_ns = began and (began.st_atime_ns, began.st_mtime_ns)
        write_whole(self.document, sealed(to_json(sweep, self.place(sweep))), times_ns)
        write_whole(self.spec, marked(sweep.to_text(), self.id), times_ns)

    def place(self, sweep: Sweep) -> Place:
        """Return where the sweep's data is, or, for a new sweep, where it was begun."""
        from search_spaces.spec.stored import kept, place_of  # 140 ms: pydantic

        with contextlib.suppress(OSError, Rotten, SpecError):
            return kept(unsealed(self.document.read_bytes()), "", self.path).place
        return place_of(sweep, self.path)

    def moved(self) -> str:
        """Say that the data is read from another folder than at the beginning; empty where it is not."""
        from search_spaces.spec.stored import kept  # 140 ms: pydantic

        with contextlib.suppress(OSError, Rotten, SpecError):
            found = kept(unsealed(self.document.read_bytes()), "", self.path)
            if found.place.path != found.begun_in:
                return f" in {found.begun_in}, and is read from {found.place.path} now"
        return ""

    @contextlib.contextmanager
    def driven(self) -> Iterator[None]:
        """Hold the sweep's driver lock for the block, in which only this user can open what is made.

        Raises Busy when another process holds it.
        """
        if self.path.stat().st_mode & 0o077:  # of an earlier version
            with contextlib.suppress(PermissionError):  # another user's, or of a file system that has no modes
                self.path.chmod(OWN_FOLDER)
        # A lock of the kernel's, which releases it when the process dies.
        with private_files(), self._lock.open("a+") as lock:
            if not taken(lock.fileno()):
                pid = self.driver_pid()
                holder = f"process {pid}" if pid else noted_elsewhere(self._lock) or "process unknown"
                raise Busy(f"sweep {self.id} is being driven by {holder}")
            write_pid(lock.fileno())
            yield

    @property
    def is_gone(self) -> bool:
        """Whether the folder was removed while this process drives the sweep; lanes may have made it anew since."""
        try:
            return not (self._lock.exists() or self.document.exists() or self.journal.exists())
        except OSError:  # a share that is away for a moment has lost nothing
            return False

    @property
    def has_begun(self) -> bool:
        """Whether there may be results of the sweep, though one of its files is gone."""
        return self.data.exists() or self.spool.exists()

    def remove(self) -> None:
        """Delete the folder of a sweep that never started."""
        shutil.rmtree(self.path)
        with contextlib.suppress(OSError):  # other sweeps are in it
            self.path.parent.rmdir()

    def driver_pid(self) -> int | None:
        """Return the ID of the process that drives the sweep now, 0 where that cannot be told, None without one."""
        if not self._lock.exists():
            return None
        with self._lock.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return read_pid(self._lock) or 0
        return None

    def request_stop(self, now: bool = False) -> bool:
        """Ask the driver to stop, cleanly or (``now``) at once. Returns False when no process drives the sweep.

        Raises Busy where a process does, and it cannot be told which one, or is another machine's or user's.
        """
        pid = self.driver_pid()
        if pid is None:
            return False
        if not pid and (holder := noted_elsewhere(self._lock)):
            raise Busy(
                f"sweep {self.id} is being driven by {holder}, which cannot be signalled from here: stop it there"
            )
        if not pid:
            raise Busy(f"sweep {self.id} is being driven, and {self._lock} no longer says by which process: end it")
        import psutil

        try:
            if now:
                kill_tree(psutil.Process(pid))
            else:
                os.kill(pid, signal.SIGTERM)
        except (PermissionError, psutil.AccessDenied) as error:
            told = f"sweep {self.id} is being driven by process {pid}, which this user may not end"
            raise Busy(f"{told}: its owner can") from error
        return True


def _place(folder: Path | None) -> str:
    """Return the folder of homes for people, with the variable that names it."""
    named = "PACELINE_HOME=" if folder is None and os.environ.get("PACELINE_HOME") else ""
    return f"{named}{(folder or root()).resolve()}"


def matching(reference: str, ids: Iterable[str]) -> str | None:
    """Return the ID that is or begins with ``reference``, or the first one for ``last``; None where there is none.

    Raises LookupError where several begin with it.
    """
    found = list(ids) if reference == "last" else [known for known in ids if known.startswith(reference)]
    if reference in found:
        return reference
    if len(found) > 1 and reference != "last":
        raise LookupError(f"more than one sweep begins with {reference!r}; known: {', '.join(found[:8])}")
    return next(iter(found), None)
