"""Code of a user's that is in no module's file, as of a notebook or a script: kept in a file of the sweep's home.

The file has a line of JSON, which tells what wrote it, and a pickle by value (cloudpickle) of the function or class
with the functions beside it that a workload has, and all of the notebook that they use.
"""

from __future__ import annotations

import inspect
import io
import json
import pickle
import sys
import typing
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from search_spaces.types.files.kept_code import kept_file
from workloads.models.custom.source.beside import BESIDE

MAX_BYTES: Final = 2**30
MIB: Final = 2**20


class NotKept(ValueError):
    """Error: the code cannot be kept; the message says what of it, and the way out."""


def named(code: Any) -> str:
    """Return the name of a function, class or workload. Raises NotKept where it has none."""
    name = str(getattr(code, "__name__", None) or getattr(code, "name", ""))
    if not name.isidentifier():
        raise NotKept("must have a name: define it by `def` or `class`")
    return name


def packed(code: Any, modules: Sequence[ModuleType] = ()) -> bytes:
    """Return the content of a file of kept code, with what it uses of ``modules``, which others cannot import.

    Raises NotKept where that cannot be, or is too large.
    """
    found = {"code": code, "beside": _beside(code)}
    with _resolved([code, *found["beside"].values()]), _by_value(modules):
        try:
            content = _pickled(found)
        except Exception as error:  # whatever the objects' own code raises
            raise NotKept(f"cannot be sent to workers: {_culprits(code) or error}") from error
    if len(content) > MAX_BYTES:
        raise NotKept(f"takes {len(content) // MIB} MiB along, and 1024 are the most: {_culprits(code)}")
    head = {"name": named(code), "python": list(sys.version_info[:2]), "crc32": zlib.crc32(content)}
    return json.dumps(head).encode() + b"\n" + content


def kept(name: str) -> Any:
    """Return the object of a workload's name. Raises LookupError where the file is gone or cannot be used."""
    path = kept_file(name)
    assert path is not None, name
    try:
        return _loaded(path, path.stat().st_mtime_ns)
    except OSError as error:
        told = f"{name!r}: the code of this sweep is gone with {path}, and with it the way to go on"
        raise LookupError(f"{told}: run its notebook or script anew") from error


@lru_cache(maxsize=16)
def _loaded(path: Path, changed_ns: int) -> Any:
    line, _, content = path.read_bytes().partition(b"\n")
    try:
        head = json.loads(line)
        wrote, whole = tuple(head["python"]), head["crc32"] == zlib.crc32(content)
    except (ValueError, KeyError, TypeError):
        wrote, whole = (), False
    if not whole:
        raise LookupError(f"{str(path)!r} is damaged, and with it the code of this sweep: run it anew")
    if wrote != sys.version_info[:2]:
        here, there = (".".join(map(str, version)) for version in (sys.version_info[:2], wrote))
        raise LookupError(f"{str(path)!r} was written by Python {there}, and this is {here}: go on with that one")
    try:
        found = pickle.loads(content)
    except Exception as error:  # a module that it needs may be gone, and raise anything
        raise LookupError(f"{str(path)!r} cannot be loaded: {type(error).__name__}: {error}") from error
    return _in_module(found["code"], found["beside"], f"paceline_kept_{zlib.crc32(content):08x}")


def _in_module(code: Any, beside: Mapping[str, Any], name: str) -> Any:
    """Return a function as one of a module of its own, in which the functions beside it are found."""
    if inspect.isfunction(code):
        module = ModuleType(name)
        vars(module).update({code.__name__: code, **beside})
        sys.modules[name] = module
        code.__module__ = name
    return code


def _beside(code: Any) -> dict[str, Any]:
    """Return the functions ``BESIDE`` a training function."""
    around = code.__globals__ if inspect.isfunction(code) else {}
    return {name: around[name] for name in BESIDE if inspect.isfunction(around.get(name))}


def _pickled(found: Any) -> bytes:
    import cloudpickle  # 30 ms

    buffer = io.BytesIO()
    cloudpickle.CloudPickler(buffer, protocol=5).dump(found)
    return buffer.getvalue()


@contextmanager
def _by_value(modules: Sequence[ModuleType]) -> Iterator[None]:
    """Have functions and classes of the modules pickled whole in the block, and not as names to import."""
    if not modules:
        yield
        return
    import cloudpickle  # 30 ms

    new = [module for module in modules if module.__name__ not in cloudpickle.list_registry_pickle_by_value()]
    for module in new:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in new:
            cloudpickle.unregister_pickle_by_value(module)


@contextmanager
def _resolved(codes: list[Any]) -> Iterator[None]:
    """Have annotations as what they mean for the block: as text they name what the pickle does not hold."""
    functions = [code.__init__ if inspect.isclass(code) else code for code in codes]
    functions = [function for function in functions if inspect.isfunction(function)]
    before = [function.__annotations__ for function in functions]
    try:
        for function in functions:
            try:
                function.__annotations__ = typing.get_type_hints(function, include_extras=True)
            except Exception:  # noqa: BLE001 - told where the signature is read
                continue
        yield
    finally:
        for function, annotations in zip(functions, before, strict=True):
            function.__annotations__ = annotations


def _culprits(code: Any) -> str:
    """Return which variables that the code uses cannot be pickled, or are large, and why."""
    told = []
    for name, value in _used(code).items():
        try:
            size = len(_pickled(value))
        except Exception as error:  # noqa: BLE001 - it is what is told
            told.append(f"it uses {name!r}, and {error}: make that inside the function")
        else:
            if size > 16 * MIB:
                told.append(f"it uses {name!r} of {size // MIB} MiB: read that inside the function")
    return "; ".join(told)


def _used(code: Any) -> dict[str, Any]:
    functions = [code] if inspect.isfunction(code) else [f for f in vars(code).values() if inspect.isfunction(f)]
    found: dict[str, Any] = {}
    for function in functions:
        used = inspect.getclosurevars(function)
        found |= {**used.globals, **used.nonlocals}
    return {name: value for name, value in found.items() if not inspect.ismodule(value)}
