"""A virtual environment on top of the one that Paceline runs in: it holds only what is missing there.

It lies in the user's cache, under a name that changes with its requirements, the local files among them, and with
Python and Paceline's own packages. So it is made once on each machine, and found again by later sweeps.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Final

from search_spaces.spec.packages.installed import installed
from search_spaces.spec.packages.key import is_local, path_of
from search_spaces.types.module_path import NotInstalled, Packages
from workloads.users_packages.install import install

DONE: Final = "paceline-made"
"""Empty file in an environment that is whole; its date is that of the last use."""
LEAST_DAYS: Final = 60
"""Environments that were not used for so long are removed as another one is made."""
NOT_SOURCE: Final = (
    "__pycache__", "build", "dist", "venv", "node_modules", "*.egg-info",
    "mlruns", "mlartifacts", "mlflow.db*", "wandb", "lightning_logs", ".*",
)  # fmt: skip
"""Names of files and folders that change without the package: as it is built, or as sweeps run in its folder."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment by its folder."""

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    @property
    def site_packages(self) -> str:
        """The folder of its packages."""
        return str(self.folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages")

    @property
    def is_made(self) -> bool:
        """Whether all of it is installed."""
        return (self.folder / DONE).exists()


def named(requirement: str) -> str:
    """Return a requirement for people: a local one without the folders before it, which differ by machine."""
    return requirement.rpartition("/")[2] if is_local(requirement) else requirement


def to_stderr(text: str) -> None:
    """Tell the user on stderr."""
    print(text, file=sys.stderr, flush=True)


def environment(packages: Packages) -> Environment:
    """Return the environment of ``packages``, which need not be made. Raises NotInstalled where a file is gone."""
    return Environment(_root() / _digest(packages))


def made(packages: Packages, say: Callable[[str], None] = to_stderr) -> Environment:
    """Return the environment of ``packages``, and make it before where it is not there, which is told.

    Where several processes ask, one makes it and the others wait. Raises NotInstalled with pip's reason.
    """
    found = environment(packages)
    if not found.is_made:
        with _alone(found.folder.parent):
            if not found.is_made:
                _forget_old()
                say(f"pip: installing {', '.join(map(named, packages.requirements))}")
                _make(found, packages)
    with suppress(OSError):
        (found.folder / DONE).touch()
    return found


def marks(packages: Packages) -> dict[str, str]:
    """Return what tells code of these packages from other code, by name: versions, and contents of local files.

    Versions are those of what is installed in their environment. Raises NotInstalled where a file is gone.
    """
    contents = {named(text): _content(path_of(text)) for text in packages.requirements if is_local(text)}
    installed_here = Path(environment(packages).site_packages).glob("*.dist-info")
    return dict(path.stem.rpartition("-")[::2] for path in sorted(installed_here)) | contents


def _make(found: Environment, packages: Packages) -> None:
    shutil.rmtree(found.folder, ignore_errors=True)  # what a process that was killed has left
    try:
        install(found.folder, found.python, found.site_packages, packages)
    except BaseException:
        shutil.rmtree(found.folder, ignore_errors=True)
        raise
    (found.folder / DONE).touch()


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the lock of the environments in ``root``, which the kernel releases where this process dies.

    Raises NotInstalled where the folder cannot be written.
    """
    with ExitStack() as files:
        try:
            root.mkdir(parents=True, exist_ok=True)
            fcntl.flock(files.enter_context((root / "lock").open("a")), fcntl.LOCK_EX)
        except OSError as error:
            told = f"pip: nothing can be installed in {root}: {error.strerror}"
            raise NotInstalled(f"{told}; set PACELINE_CACHE to a folder that can be written") from error
        yield


def _root() -> Path:
    given = os.environ.get("PACELINE_CACHE")
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(given) if given else Path(cache_home, "paceline")) / "environments"


def _forget_old() -> None:
    for mark in _root().glob(f"*/{DONE}"):
        with suppress(OSError):
            if time.time() - mark.stat().st_mtime > LEAST_DAYS * 86_400:
                shutil.rmtree(mark.parent, ignore_errors=True)


@cache
def _digest(packages: Packages) -> str:
    """Return the environment's name. Files are read once in a process: a sweep keeps to what it began with."""
    digest = hashlib.sha256()
    own = () if packages.apart else sorted(installed().items())
    for part in (sys.version, sys.prefix, str(packages.apart), *map(str, own), *map(named, packages.requirements)):
        digest.update(part.encode() + b"\0")
    for path in map(path_of, filter(is_local, packages.requirements)):
        digest.update(_content(path).encode())
    return digest.hexdigest()[:16]


def _content(path: Path) -> str:
    """Return the digest of a file, or of a folder's source. Raises NotInstalled where it cannot be read."""
    digest = hashlib.sha256()
    try:
        for file in _files(path):
            digest.update(os.fsencode(file.relative_to(path.parent)) + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    except OSError as error:
        raise NotInstalled(f"pip: {error.filename} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    """Yield a file, or those of a folder's source, in order."""
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        names = file.relative_to(path).parts
        if file.is_file() and not any(fnmatch(name, left) for name in names for left in NOT_SOURCE):
            yield file
