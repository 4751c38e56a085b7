"""Every workload and registered data set by name; imports no torch, so that a spec is checked fast."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search_spaces.samplers.catalogue import SAMPLERS
from search_spaces.schedules.catalogue import SCHEDULES
from search_spaces.spec.keys.command import SCRIPT
from search_spaces.spec.starting.words import like, meant
from search_spaces.types.catalogue import Catalogue, DatasetInfo
from search_spaces.types.files.kept_code import is_kept
from search_spaces.types.module_path import code_folder, working_folder_last
from workloads.contract import Workload
from workloads.models.custom.hidden import hidden
from workloads.models.custom.kept_code import kept
from workloads.models.custom.workload import workload_of
from workloads.models.network.workload import is_network, network_of
from workloads.users_packages.imports import enter

__all__ = ["DATASETS", "WORKLOADS", "Workload", "catalogue", "described", "is_users", "workload"]

# name -> "module:OBJECT". A new workload is one file and one row.
WORKLOADS: Mapping[str, str] = {
    "softmax": "workloads.models.softmax:SOFTMAX",
    "mlp": "workloads.models.mlp:MLP",
    "cnn": "workloads.models.cnn:CNN",
    "image": "workloads.models.image.workload:IMAGE",
    "transfer": "workloads.models.transfer.workload:TRANSFER",
    "recurrent": "workloads.models.recurrent.workload:RECURRENT",
    "language": "workloads.models.language.workload:LANGUAGE",
    "gan": "workloads.models.gan.workload:GAN",
    "boosted_trees": "workloads.models.boosted_trees.workload:BOOSTED_TREES",
}

OTHERS: Mapping[str, str] = {SCRIPT: "workloads.models.script.workload:SCRIPT_WORKLOAD"}
"""Workloads that other keys of a spec name: ``program`` or ``command``."""

DATASETS: Mapping[str, DatasetInfo] = {
    "digits": DatasetInfo("digits", "image", "1,797 handwritten digits, 8 x 8 grey, 10 classes"),
    "cifar10": DatasetInfo("cifar10", "image", "60,000 photos, 32 x 32 colour, 10 classes", downloaded=True),
    "cifar100": DatasetInfo("cifar100", "image", "60,000 photos, 32 x 32 colour, 100 classes", downloaded=True),
    "mnist": DatasetInfo("mnist", "image", "70,000 handwritten digits, 28 x 28 grey", downloaded=True),
    "fashion_mnist": DatasetInfo(
        "fashion_mnist", "image", "70,000 pieces of clothing, 28 x 28 grey, 10 classes", downloaded=True
    ),
    "breast_cancer": DatasetInfo("breast_cancer", "table", "569 biopsies, 30 numbers each, 2 classes"),
    "wine": DatasetInfo("wine", "table", "178 wines, 13 chemical measurements, 3 classes"),
    "iris": DatasetInfo("iris", "table", "150 irises, 4 lengths, 3 classes"),
    "diabetes": DatasetInfo(
        "diabetes", "table", "442 patients, 10 measurements, disease progression", "regression"
    ),
}


def workload(name: str) -> Workload:
    """Return the workload ``name`` of the table, or the object ``package.module:OBJECT`` of a user's module.

    Modules are also looked for in the spec's folder, and then in the current one; ``FILE.pkl:OBJECT`` is code that
    a sweep keeps. Raises LookupError with one plain sentence where there is no such workload, NotInstalled where
    its packages cannot be had.
    """
    if is_kept(name):
        enter()
        working_folder_last()  # modules that it imports are there
        return as_workload(name, kept(name))
    if ":" not in name and name not in (*WORKLOADS, *OTHERS):
        near = difflib.get_close_matches(name, WORKLOADS, n=1)
        close = meant(name) or (near[0] if near else like(name))
        hint = f"did you mean {close}?" if close else f"there are {', '.join(WORKLOADS)} and package.module:OBJECT"
        raise LookupError(f"there is no workload {name!r}; {hint}")
    module_name, _, attribute = {**WORKLOADS, **OTHERS}.get(name, name).partition(":")
    module = _module(module_name, name)
    if (found := getattr(module, attribute, None)) is None:
        raise LookupError(f"{name!r}: module {module_name!r} has no such object{_meant(module, attribute)}")
    return as_workload(name, found)


def as_workload(name: str, found: Any) -> Workload:
    """Return a user's workload, function or network as the workload ``name``. Raises LookupError for others."""
    if inspect.isfunction(found):
        return workload_of(name, found)
    if is_network(found):
        return network_of(name, found)
    if not isinstance(found, Workload):
        what = f"is {_what(found)}, neither a function, a network (a class of nn.Module), nor a Workload"
        raise LookupError(f"{name!r}: module {name.rpartition(':')[0]!r} {what}")
    return found


def _meant(module: Any, attribute: str) -> str:
    names = [name for name, value in vars(module).items() if inspect.isfunction(value) or inspect.isclass(value)]
    close = difflib.get_close_matches(attribute, names, n=1)
    return f", did you mean {close[0]}?" if close else ""


def described(name: str) -> Workload:
    """Return the workload ``name`` for all who train nothing: drivers, and those who check a spec or show a sweep.

    A user's function is read from its file, where that is enough: what the file imports may take seconds. Raises
    LookupError as ``workload`` does.
    """
    if ":" in name and (path := _file(name.partition(":")[0])):
        from workloads.models.custom.source.read_function import read_function  # 2 ms: ast

        module, _, function = name.partition(":")
        if (found := read_function(path, function, module)) is not None:
            return workload_of(name, found)
    return workload(name)


def _file(module_name: str) -> Path | None:
    """Return the file of a user's module in the spec's folder or the working one; None where it is elsewhere."""
    for folder in (code_folder(), Path.cwd()):
        place = folder and Path(folder, *module_name.split("."))
        if place and place.with_name(f"{place.name}.py").is_file():
            return place.with_name(f"{place.name}.py")
    return None


def _what(found: object) -> str:
    if is_network(type(found)):
        return f"a network that is made already (name its class, {type(found).__name__})"
    return f"the class {found.__name__}" if inspect.isclass(found) else f"of type {type(found).__name__}"


def module_of(name: str) -> Any:
    """Return the module that the object of a user's workload is in. Raises LookupError as ``workload`` does."""
    return _module(name.partition(":")[0], name)


def is_users(name: str) -> bool:
    """Return whether the workload of this name is a user's own code."""
    return ":" in name or name in OTHERS


def _module(module_name: str, name: str) -> Any:
    if ":" in name:
        enter()
    working_folder_last()
    try:
        if ":" in name and (folder := _ambiguous(module_name)):
            from workloads import users_code  # 1 ms, and most need none

            users_code.enter(folder)
            if users_code.is_own(module_name):
                return users_code.imported(module_name)
        return importlib.import_module(module_name)
    except Exception as error:  # a user's module may raise anything
        raise LookupError(f"{name!r} cannot be imported: {type(error).__name__}: {error}") from error


def _ambiguous(module_name: str) -> Path | None:
    """Return the folder that has the user's module, if names of modules in it are those of others, too."""
    folders = [Path(folder) for folder in (code_folder(), Path.cwd()) if folder is not None]
    return next((folder for folder in folders if hidden(module_name, folder)), None)


def catalogue() -> Catalogue:
    """Return the names that a spec may use: workloads, data sets, samplers and schedules."""
    return Catalogue(
        workload=described,
        workload_names=tuple(WORKLOADS),
        datasets=DATASETS,
        samplers=SAMPLERS,
        schedules=SCHEDULES,
    )
