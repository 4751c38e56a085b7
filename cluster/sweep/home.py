"""A sweep's own folder: what one sweep leaves on disk, and who drives it now."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.sweep.shared_storage import STUDY, Mark, given, mark, named
from cluster.sweep.stop import kill_tree
from search_spaces.types.driver_errors import Busy
from workloads.registry import catalogue

if TYPE_CHECKING:
    from search_spaces.spec.schema import Storage
    from search_spaces.spec.sweep import Sweep

__all__ = ["Busy", "SweepHome", "root", "write_whole"]


def root() -> Path:
    """The folder of sweep homes: ``PACELINE_HOME``, else ``.paceline`` in the working folder."""
    return Path(os.environ.get("PACELINE_HOME") or ".paceline")


@dataclass(frozen=True)
class SweepHome:
    """The folder ``.paceline/<ID>``. What outlives a driver is here, in a store that the spec names, or nowhere."""

    id: str
    path: Path

    @property
    def spec(self) -> Path:
        """The spec as it was understood, for people: overrides filled in, paths absolute."""
        return self.path / "sweep.yaml"

    @property
    def document(self) -> Path:
        """The same as JSON, for whoever goes on with the sweep; homes before format 1 have none."""
        return self.path / "sweep.json"

    @property
    def journal(self) -> Path:
        """Optuna's journal."""
        return self.path / "journal.log"

    @cached_property
    def storage(self) -> Storage:
        """What the sweep shares with other machines, as it was when it began."""
        if self.document.exists():
            return self.sweep().storage
        from search_spaces.spec.schema import Storage  # 100 ms: pydantic

        text = self.spec.read_text()
        if "\nstorage:" not in text:
            return Storage()
        from ruamel.yaml import YAML

        return Storage.model_validate(YAML(typ="safe", pure=True).load(text)["storage"])

    @property
    def study(self) -> Path | str:
        """The truth about the trials: the journal, or the URL of a database, with the environment's password."""
        return given(self.storage.study, STUDY) if self.storage.study else self.journal

    @property
    def spool(self) -> Path:
        """What MLflow has not acknowledged yet."""
        return self.path / "spool"

    @property
    def checkpoints(self) -> str:
        """Folder or URI of the weights, with one folder a member."""
        shared = self.storage.checkpoints
        return f"{shared}/{self.id}" if shared else str(self.path / "checkpoints")

    @property
    def data(self) -> Path:
        """The data card and the split's indices."""
        return self.path / "data.json"

    @property
    def stop_mark(self) -> Mark:
        """While it is there, lanes save and end their legs at the next epoch. Lanes elsewhere see it too."""
        return mark(f"{self.checkpoints}/stop" if self.storage.checkpoints else str(self.path / "stop"))

    @property
    def _lock(self) -> Path:
        return self.path / "driver.lock"

    @classmethod
    def create(cls, sweep: Sweep, folder: Path | None = None, sweep_id: str | None = None) -> SweepHome:
        """A new home in ``folder`` (None: ``root()``) with the spec in it, and the environment's stores.

        Its ID is one that no other sweep of the folder has, and, where stores are shared, one of four billion;
        or the ``sweep_id`` given: FileExistsError where there is a home of that name.
        """
        folder, sweep = folder or root(), named(sweep)
        folder.mkdir(parents=True, exist_ok=True)
        num_bytes = 4 if sweep.storage.study or sweep.storage.checkpoints else 2
        while True:
            chosen = sweep_id or os.urandom(num_bytes).hex()
            home = cls(chosen, folder.resolve() / chosen)
            try:
                home.path.mkdir()
            except FileExistsError:
                if not sweep_id:
                    continue
                if home.spec.exists():
                    raise
            home.keep(sweep)
            return home

    @classmethod
    def all(cls, folder: Path | None = None) -> list[SweepHome]:
        """Every sweep of ``folder``, the newest first; none where there is no such folder."""
        found = (folder or root()).glob("*/sweep.yaml")
        specs = sorted(found, key=lambda spec: spec.stat().st_mtime, reverse=True)
        return [cls(spec.parent.name, spec.parent.resolve()) for spec in specs]

    @classmethod
    def find(cls, reference: str = "last", folder: Path | None = None) -> SweepHome:
        """The sweep by its ID, a prefix that only it has, or ``last``. LookupError says what is there instead."""
        homes = cls.all(folder)
        found = homes[:1] if reference == "last" else [h for h in homes if h.id.startswith(reference)]
        if len(found) == 1:
            return found[0]
        if not homes:
            raise LookupError(f"there is no sweep in {(folder or root()).resolve()}; `paceline demo` makes one")
        known = ", ".join(home.id for home in (found or homes)[:8])
        rule = "more than one sweep begins with" if found else "there is no sweep"
        raise LookupError(f"{rule} {reference!r}; known: {known}")

    def sweep(self, to_run: bool = False) -> Sweep:
        """The stored spec; SpecError where a newer version wrote it, or ``to_run`` it something is gone.

        Code and data are only looked for ``to_run`` it: a sweep can be shown without them.
        """
        from search_spaces.spec.stored import from_json  # 140 ms: pydantic

        if not self.document.exists():
            return self._parsed(to_run)
        sweep = from_json(self.document.read_text(), str(self.document))
        if to_run:
            from search_spaces.spec.checks.again import check_again  # 0 ms behind the line above

            check_again(sweep, str(self.spec), catalogue())
        return sweep

    def _parsed(self, to_run: bool) -> Sweep:
        """Of a home that has the YAML alone."""
        from search_spaces.spec.sweep import parse_sweep  # 140 ms: pydantic

        base = self.path if to_run else None
        return parse_sweep(self.spec.read_text(), str(self.spec), base, catalogue=catalogue())

    def keep(self, sweep: Sweep) -> None:
        """Writes the spec, or a changed one in its place; its date stays that of the sweep's beginning."""
        from search_spaces.spec.stored import to_json  # 140 ms: pydantic

        began = self.spec.stat() if self.spec.exists() else None
        write_whole(self.document, to_json(sweep))
        write_whole(self.spec, sweep.to_text(), began and (began.st_atime_ns, began.st_mtime_ns))

    @contextlib.contextmanager
    def driven(self) -> Iterator[None]:
        """Makes this process the sweep's driver. Busy when there is one; the kernel lets go when it dies."""
        with self._lock.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Busy(f"sweep {self.id} is being driven by process {self._noted_pid()}") from error
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def remove(self) -> None:
        """Of a sweep that never began nothing stays behind."""
        shutil.rmtree(self.path)
        with contextlib.suppress(OSError):  # other sweeps are in it
            self.path.parent.rmdir()

    def driver_pid(self) -> int | None:
        """The process that drives the sweep now, or None."""
        if not self._lock.exists():
            return None
        with self._lock.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return self._noted_pid()
        return None

    def request_stop(self, now: bool = False) -> bool:
        """Asks the driver to stop, cleanly or (``now``) at once. False when nobody drives it."""
        pid = self.driver_pid()
        if pid is None:
            return False
        if now:
            import psutil

            kill_tree(psutil.Process(pid))
        else:
            os.kill(pid, signal.SIGTERM)
        return True

    def _noted_pid(self) -> int | None:
        text = self._lock.read_text()
        return int(text) if text.isdigit() else None


def write_whole(path: Path, text: str, times_ns: tuple[int, int] | None = None) -> None:
    """All of it or nothing: a file that a death left half written would refuse every resume."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    if times_ns is not None:
        os.utime(temporary, ns=times_ns)
    temporary.replace(path)
