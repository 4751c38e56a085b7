"""Stores a checked sweep as JSON, for resuming: it is read back unchanged, without the checks of a spec file.

Paths of data inside the sweep's folder are kept relative to it, so that it may be moved or copied, with its home
or without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search_spaces.spec.data import PATHS
from search_spaces.spec.place import Place, is_there
from search_spaces.spec.sweep import Sweep
from search_spaces.types.faults import Fault, SpecError
from search_spaces.types.files.kept_code import FILE, is_kept, name_shown

FORMAT: Final = 1
"""Version of the format, increased when earlier versions would misread it: they refuse a higher one."""


class _Head(BaseModel):
    format: int
    paceline: str = Field(default_factory=lambda: metadata.version("paceline"))
    """Version of Paceline that wrote it."""


class _Stored(_Head):
    model_config = ConfigDict(extra="forbid")

    sweep: Sweep
    place: Place | None = None
    """Folder that paths of data are relative to; earlier versions took the one around the folder of homes."""
    code: Place | None = None
    """Folder of the spec's file, and the way to it from ``place``; earlier versions did not keep it."""


@dataclass(frozen=True)
class Kept:
    """A stored sweep with absolute paths of its data: in the folder ``place``, and at first in ``begun_in``.

    The two are the same where no path was relative.

    ``missing_in`` are the folders in which the data could be and is not, if home and folder are not as they were.
    """

    sweep: Sweep
    place: Place
    begun_in: Path
    missing_in: tuple[Path, ...]


def to_json(sweep: Sweep, place: Place | None = None) -> str:
    """Return the sweep as JSON, defaults included, as later versions may have other ones.

    Paths of data inside the folder ``place`` become relative to it.
    """
    stored = sweep if place is None else _with_paths(sweep, lambda path: _relative(path, place.path))
    code = None
    if sweep.folder is not None:
        folder = Path(sweep.folder)
        code = Place.of(folder, folder if place is None else place.path)
    return _Stored(format=FORMAT, sweep=stored, place=place, code=code).model_dump_json(indent=1) + "\n"


def from_json(text: str | bytes, origin: str, home: Path | None = None) -> Sweep:
    """Return the sweep of ``to_json``, with paths of data that are absolute again where its ``home`` is given.

    Raises SpecError where the text has a newer format or was changed.
    """
    if home is not None:
        return kept(text, origin, home).sweep
    stored = _read(text, origin)
    return stored.sweep.model_copy(update={"folder": stored.code and str(stored.code.path)})


def kept(text: str | bytes, origin: str, home: Path) -> Kept:
    """Return the sweep of ``to_json`` with its data where it is now. Raises SpecError as ``from_json``."""
    stored = _read(text, origin)
    place = stored.place or Place.of(home.parent.parent, home)
    paths = [path for path in _paths(stored.sweep) if not Path(path).is_absolute()]
    folders = tuple(place.folders(home))
    having = [at for at in folders if all(is_there(at / path) for path in paths)]
    root = stored.sweep.data.root  # made where it is missing: it decides only where all else is there
    found = next((at for at in having if root and is_there(at / root)), next(iter(having), None))
    now = place if found is None else Place.of(found, home)
    sweep = _with_paths(stored.sweep, lambda path: str(now.path / path))
    sweep = sweep.model_copy(update={"workload": _kept_in(home, sweep.workload)})
    if stored.code is not None:
        sweep = sweep.model_copy(update={"folder": str(_code(stored.code, now.path, sweep.workload))})
    stands = folders[0] == place.path and place.path.is_dir()
    begun_in = now.path if sweep.data == stored.sweep.data else place.path
    return Kept(sweep, now, begun_in, () if found or stands else folders)


def _code(code: Place, place: Path, workload: str) -> Path:
    """Return where the spec's folder is now: the first one of those where it may be that has the user's module."""
    known = [folder for folder in code.folders(place) if folder.is_dir()]
    top = workload.partition(":")[0].partition(".")[0] if ":" in workload else ""
    having = [folder for folder in known if top and ((folder / top).is_dir() or (folder / f"{top}.py").is_file())]
    return next(iter(having or known), code.path)


def _kept_in(home: Path, workload: str) -> str:
    """Return the name of a workload whose code the home keeps with the home's path now; others as they are."""
    return f"{home / FILE}:{name_shown(workload)}" if is_kept(workload) else workload


def place_of(sweep: Sweep, home: Path) -> Place:
    """Return the place of a sweep that begins: the inner one of working folder and that around its home.

    Of the two, where only one has data of the sweep, that one.
    """
    folders = list(Place.of(home.parent.parent, home).folders(home))
    having = [at for at in folders if any(Path(path).is_relative_to(at) for path in _paths(sweep))]
    return Place.of(max(having or folders, key=lambda at: len(at.parts)), home)


def _with_paths(sweep: Sweep, changed: Callable[[str], str]) -> Sweep:
    """Return the sweep with ``changed`` paths of data; addresses of stores are no paths."""
    data = sweep.data

    def of(path: str) -> str:
        return path if "://" in path else changed(path)

    paths: dict[str, Any] = {name: of(path) for name in PATHS if (path := getattr(data, name)) is not None}
    if data.also:
        paths["also"] = [of(path) for path in data.also]
    return sweep.model_copy(update={"data": data.model_copy(update=paths)})


def _paths(sweep: Sweep) -> Iterator[str]:
    """Yield the paths of data that must be there."""
    data = sweep.data
    for path in (*(getattr(data, name) for name in PATHS if name != "root"), *data.also):
        if path is not None and "://" not in path:
            yield path


def _relative(path: str, place: Path) -> str:
    return str(Path(path).relative_to(place)) if Path(path).is_relative_to(place) else path


def _read(text: str | bytes, origin: str) -> _Stored:
    head = None
    try:
        head = _Head.model_validate_json(text)
        if head.format <= FORMAT:
            return _Stored.model_validate_json(text)
    except ValidationError as error:
        raise SpecError([_fault(origin, one, head) for one in error.errors(include_url=False)]) from None
    rule = f"is {head.format}, and this version reads up to {FORMAT}; {_way_out(head)}"
    raise SpecError([Fault(origin, "format", rule)])


def _fault(origin: str, error: Any, head: _Head | None) -> Fault:
    rule = f"cannot be read by this version: {error['msg']}"
    return Fault(origin, ".".join(map(str, error["loc"])), f"{rule}; {_way_out(head)}" if head else rule)


def _way_out(head: _Head) -> str:
    return f"Paceline {head.paceline} wrote it: go on with that version, or a newer one"
