"""Makes a virtual environment by pip, on top of this one: pip finds what is installed here, and adds the rest."""

from __future__ import annotations

import re
import site
import subprocess
import venv
from importlib.util import find_spec
from os import environ
from pathlib import Path
from typing import Final

from search_spaces.spec.packages.installed import installed
from search_spaces.types.module_path import OURS, NotInstalled, Packages
from search_spaces.types.passwords import masked

PARENT: Final = "paceline-parent.pth"
_PARENT_LINE: Final = (
    "import itertools, site, sys; list(map(site.addsitedir, itertools.filterfalse(sys.path.__contains__, {sites})))"
)
_CONFLICT: Final = re.compile(r"The conflict is caused by:\n((?: {4}.*\n)+)")


def install(folder: Path, python: str, site_packages: str, packages: Packages) -> None:
    """Make the environment in ``folder``. Raises NotInstalled, and leaves what is there then."""
    try:
        venv.EnvBuilder(symlinks=True, with_pip=find_spec("pip") is None).create(folder)
        Path(site_packages, PARENT).write_text(f"{_PARENT_LINE.format(sites=_sites())}\n")
        bounds = [] if packages.apart else [f"{name}=={version}\n" for name, version in installed().items()]
        (folder / "constraints.txt").write_text("".join(bounds))
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotInstalled(f"pip: no virtual environment can be made in {folder}: {error}") from error
    options = ("--no-input", "--disable-pip-version-check", "--constraint", str(folder / "constraints.txt"))
    done = subprocess.run(
        [python, "-m", "pip", "install", *options, *packages.requirements],
        env={
            name: value for name, value in environ.items() if name not in ("PYTHONPATH", "PIP_TARGET", "PIP_USER")
        },
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise NotInstalled(f"pip cannot install {', '.join(packages.requirements)}: {_reason(done)}")
    taken = [
        name
        for name in (*OURS, "paceline")
        if any(Path(site_packages, file).exists() for file in (name, f"{name}.py"))
    ]
    if taken:
        told = f"brings a module named {taken[0]}, which is Paceline's: leave it out"
        raise NotInstalled(f"pip: one of {', '.join(packages.requirements)} {told}")


def _sites() -> list[str]:
    """Return the folders of what is installed for this interpreter."""
    return [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return why pip has failed: its last errors, or the conflict that it tells of, in one line."""
    if found := _CONFLICT.search(f"{done.stdout}\n"):
        told = [line.strip() for line in found[1].splitlines()]
    else:
        lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
        told = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")][-2:] or lines[
            -2:
        ]
    return masked("; ".join(told))[-500:] or f"exit code {done.returncode}"
