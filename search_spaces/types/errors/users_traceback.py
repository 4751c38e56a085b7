"""Shows an error of users' code by their own lines: without those of Paceline's that led there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from traceback import StackSummary, TracebackException

from search_spaces.types.errors.whose_code import is_users
from search_spaces.types.module_path import HOME

OF_USERS_CODE = tuple(f"{HOME}/workloads/models/{name}/" for name in ("custom", "script", "network"))
"""Folders whose errors of type RuntimeError are sentences on users' code."""
ENDS: Mapping[type[BaseException], str] = {
    SystemExit: "sys.exit was called: return, or raise an error that says why",
    KeyboardInterrupt: "it was raised by this code: nobody has pressed Ctrl-C",
}
"""What is said of errors that end a program, and here a trial alone."""


def users_traceback(error: BaseException) -> str:
    """Return the traceback from the first line of users' code on; whole where none of theirs is in it.

    Of what Paceline says of their code, such as a metric that is not reported, the sentence alone.
    """
    told = TracebackException.from_exception(error)
    frames = [frame.filename for frame in told.stack]
    theirs = any(map(is_users, frames))
    if isinstance(error, RuntimeError) and not theirs and frames and frames[-1].startswith(OF_USERS_CODE):
        return str(error)
    for one in _chain(told):
        first = next((k for k, frame in enumerate(one.stack) if is_users(frame.filename)), 0)
        one.stack = StackSummary.from_list(list(one.stack)[first:])
    lines = [*told.format()]
    if said := ENDS.get(type(error)):
        lines[-1] = f"{lines[-1].rstrip()} ({said})\n"
    return "".join(lines)


def _chain(told: TracebackException) -> Iterator[TracebackException]:
    """Yield an error and all that it came from."""
    yield told
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if other is not None:
            yield from _chain(other)
