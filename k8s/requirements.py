"""Prints what pyproject.toml asks for, with the named extras: requirements.py pyproject.toml [EXTRA ...]"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

path, *extras = sys.argv[1:]
project = tomllib.loads(Path(path).read_text())["project"]
unknown = sorted(set(extras) - set(project["optional-dependencies"]))
if unknown:
    sys.exit(f"{path} has no extra {', '.join(unknown)}; it has {', '.join(project['optional-dependencies'])}")
wanted = [*project["dependencies"], *(need for extra in extras for need in project["optional-dependencies"][extra])]
print("\n".join(wanted))
