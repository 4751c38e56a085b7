"""Tells where a sweep of users' code goes on with other code than its trials so far were trained by.

Nothing is refused: code is mended so that a sweep goes on. But old and new values are compared with each other.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from search_spaces.spec.sweep import Sweep
from search_spaces.study.study import Study
from search_spaces.types.files.kept_code import is_kept
from search_spaces.types.module_path import code_folder
from workloads.models.custom.hidden import used_modules
from workloads.registry import is_users
from workloads.users_packages.environment import marks

CODE: Final = "code"
"""Attribute of the study: what the latest driver has found of users' code, by name.

Size and CRC-32 of each file; of packages their version, or the digest of local ones.
"""
SHOWN = 3
"""Most names of files in a message."""


def changed_code(study: Study, sweep: Sweep) -> str | None:
    """Return a sentence where files have changed since the sweep's last driver, and note what they are now.

    None where none has, or no trial has been asked for, and of sweeps of earlier versions, which noted nothing.
    """
    now = _marks(sweep)
    before: Mapping[str, str] | None = study.facts().get(CODE)
    if now != before and (now or before):
        study.set(CODE, now)
    names = [] if before is None else sorted(n for n in {*before, *now} if before.get(n) != now.get(n))
    if not names or not (num_trials := len(study.records())):
        return None
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    have, trials = "have" if len(names) > 1 else "has", "1 trial" if num_trials == 1 else f"{num_trials} trials"
    return (
        f"{', '.join(names[:SHOWN])}{more} {have} changed since the sweep was trained last: the values of its "
        f"{trials} so far are of the code before, and are compared with those to come as if they were equal"
    )


def _marks(sweep: Sweep) -> dict[str, str]:
    found = {f"{name} (pip)": mark for name, mark in marks(sweep.packages).items()} if sweep.pip else {}
    for path, root in _files(sweep):
        content = path.read_bytes()
        name = path.relative_to(root) if path.is_relative_to(root) else path
        found[name.as_posix()] = f"{len(content)} {zlib.crc32(content):08x}"
    return found


def _files(sweep: Sweep) -> Iterator[tuple[Path, Path]]:
    """Yield the files of users' code with the folder that they are named from: those that an import would run."""
    folders = [Path(folder) for folder in (code_folder(), Path.cwd()) if folder is not None]
    if sweep.command is not None:
        program = folders[0] / (sweep.command.program or "")
        if program.is_file():
            used = used_modules(program.stem, program.parent)[0] if program.suffix == ".py" else []
            yield from ((path, folders[0]) for path in sorted({program, *used}))
    elif is_users(sweep.workload) and not is_kept(sweep.workload):
        module = sweep.workload.partition(":")[0]
        for folder in folders:
            if used := used_modules(module, folder)[0]:
                yield from ((path, folder) for path in used)
                return
