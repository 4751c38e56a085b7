"""A user's function ``test(folder, **hyperparameters)``, and whether code says anything of a test at all."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.criteria.metric_names import is_of_test
from search_spaces.types.error_text import last_line
from workloads.models.custom.hidden import used_modules
from workloads.models.custom.signature import arguments
from workloads.models.custom.source.beside import names_beside

if TYPE_CHECKING:
    from workloads.training.setup import MemberState

FOLDER = "folder"
"""Name of the first parameter of ``test``, by which it is told from other functions of that name."""
_TEST = re.compile(r"test", re.IGNORECASE)
_BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def own_test_of(name: str, train: Callable[..., Any], known: Collection[str]) -> Callable[..., Any] | None:
    """Return the function ``test`` beside ``train``; None without one whose first parameter is ``folder``.

    ``known`` are the hyperparameters. Raises LookupError where it asks for others.
    """
    found = names_beside(train).get("test")
    if found is train or not inspect.isfunction(found):
        return None
    parameters = [*inspect.signature(found).parameters.values()]
    if not parameters or parameters[0].name != FOLDER:
        return None
    strange = [
        p.name for p in parameters[1:] if p.default is p.empty and p.kind in _BY_NAME and p.name not in known
    ]
    if strange:
        named = ", ".join(map(repr, strange))
        raise LookupError(f"{name!r}: test(folder, ...) asks for {named}, no hyperparameter of {train.__name__}")
    return found


def may_report(train: Callable[..., Any]) -> bool:
    """Return whether users' code may report a test metric: some file of it says something of a test."""
    return any(_TEST.search(text) for text in _texts(train))


def _texts(train: Callable[..., Any]) -> Iterator[str]:
    """Yield the code of the function's module, and of those of its folder that it imports."""
    file = names_beside(train).get("__file__")
    if file is None or not file.endswith(".py"):  # a notebook's, or compiled: it may report anything
        yield "test"
        return
    own = Path(file)
    yield own.read_text(encoding="utf-8", errors="replace")
    root = own.parents[train.__module__.count(".") + (own.name == "__init__.py")]
    for path in used_modules(train.__module__, root)[0]:
        yield path.read_text(encoding="utf-8", errors="replace")


def measure(
    test: Callable[..., Any], train: Callable[..., Any], state: MemberState, hp: Any, metric: str
) -> Mapping[str, float]:
    """Return the metrics that ``test`` measures with the files of ``state``.

    Raises ValueError for what is none, and where it raises.
    """
    from workloads.models.custom.predictor import earlier_files  # 1,200 ms: torch
    from workloads.models.custom.reported import number, numbers  # beside it

    files = state.files or earlier_files(state.model)
    if files is None:
        raise ValueError("has nothing to test with: run.report(save) saved no files")
    parameters = inspect.signature(test).parameters.values()
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
    given = {k: v for k, v in arguments(train, hp).items() if takes_all or k in {p.name for p in parameters}}
    copy = files.copied()  # the function may do what it likes to it
    try:
        returned = test(copy.path, **given)
    except Exception as error:  # told for all: a member that failed by it would leave no way to go on
        traceback.print_exc()  # in the trial's log
        raise ValueError(f"raised {type(error).__name__}: {last_line(error)}{_line(error, test)}") from error
    if not isinstance(returned, Mapping):
        try:
            return {metric: number(returned)}
        except ValueError as error:
            raise ValueError(f"must return {metric}, or a mapping of test metrics: {error}") from error
    names = list(map(str, returned))
    if metric not in names or not all(map(is_of_test, names)):
        told = ", ".join(names) or "nothing"
        raise ValueError(f"must return {metric}, beside other test metrics alone; it returned {told}")
    return numbers(returned, "", "final")


def _line(error: BaseException, test: Callable[..., Any]) -> str:
    """Return the line of the file of ``test`` at which it raised, `` (mine.py:12)``; empty where none is known."""
    file = test.__code__.co_filename
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({Path(file).name}:{lines[-1]})" if lines else ""
