"""Lists every faulty spec, to be run as a whole command: those of the tests in process, large files and bombs."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.paths import ROOT
from tests.helpers.spec_cases import DATA, Case, whole
from tests.helpers.spec_tables import write_large, write_tables
from tests.search_spaces.spec import test_data_faults, test_faults, test_parameter_faults

TABLES = (test_faults.CASES, test_parameter_faults.CASES, test_data_faults.CASES)
SPEC = "../data/sweep.yaml"
"""Path of the spec for a command that runs in the empty folder."""
HEAD = "workload: mlp\ndata: {name: digits}\n"


@dataclass(frozen=True)
class Faulty:
    """Content of sweep.yaml (``raw``; None: there is no file), and the fault that must be reported (``case``)."""

    raw: bytes | None
    case: Case

    def is_told(self, stderr: str) -> bool:
        """Return whether a line of ``stderr`` has the place, rule, value and suggestion that the case names."""
        case = self.case
        file = SPEC if self.raw is None else "sweep.yaml"
        place = file if case.line is None else f"{file}:{case.line}"
        where = f"{place}: {case.path}: " if case.path else f"{place}: "
        value = "" if case.received is None else f", received {case.received}"
        meant = "" if case.suggestion is None else f", did you mean {case.suggestion}?"
        lines = (line for line in stderr.splitlines() if line.startswith(where) and case.rule in line)
        return any(value in line and line.endswith(meant) for line in lines)


LARGE = {
    "large table": whole(
        DATA % "{csv: large/large.csv, target: labl}", 2, "data.target", "of large.csv", "'labl'", "'label'"
    ),
    "wide table": whole(
        DATA % "{csv: large/wide.csv, target: gene_2O000}", 2, "data.target", "of wide.csv", "'gene_2O000'"
    ),
    "wide parquet": whole(
        DATA % "{parquet: large/wide.parquet, target: y}", 2, "data.target", "and 19992 more", "'y'"
    ),
    "cut parquet": whole(
        DATA % "{parquet: large/cut.parquet, target: label}", 2, "data.parquet", "no Parquet file"
    ),
    "lying parquet": whole(
        DATA % "{parquet: large/lying.parquet, target: label}", 2, "data.parquet", "no Parquet file"
    ),
    "junk parquet": whole(
        DATA % "{parquet: large/junk.parquet, target: label}", 2, "data.parquet", "no Parquet file"
    ),
    "parquet target": whole(
        DATA % "{parquet: t.parquet}", 2, "data.target", "the column to predict, one of png, label"
    ),
    "parquet image": whole(
        DATA % "{parquet: t.parquet, target: label, image: pgn}",
        2,
        "data.image",
        "must be a column of t.parquet",
        "'pgn'",
        "'png'",
    ),
    "missing parquet": whole(
        DATA % "{parquet: t.parqet, target: label}", 2, "data.parquet", "no such file", "'t.parqet'", "'t.parquet'"
    ),
    "long path": whole(DATA % f"{{csv: {'a' * 100_000}, target: y}}", 2, "data.csv", "must be a path"),
    "deep path": whole(DATA % f"{{csv: {'a/' * 50_000}, target: y}}", 2, "data.csv", "must be a path"),
}
"""Specs whose data files are too large for the tests in process."""

BOMBS = {
    "many unknown keys": whole(
        HEAD + "".join(f"epochs{k}: 1\n" for k in range(2400)), 3, "epochs0", "unknown key", "'epochs0'", "'epochs'"
    ),
    "many unknown parameters": whole(
        f"{HEAD}parameters: {{{', '.join(f'lr{k}: 1' for k in range(2400))}}}",
        3,
        "parameters.lr0",
        "unknown hyper",
        "'lr0'",
        "'lr'",
    ),
    "many anchors": whole(f"{HEAD}a: [{', '.join(f'&a{k} 1' for k in range(4800))}]", 3, "a", "unknown key", "'a'"),
    "many brackets": whole(f"{HEAD}a: {'[' * 100_000}", 3, "", "must not be nested deeper than 20"),
    "many items": whole(f"{HEAD}a:\n" + "- 1\n" * 30_000, 4995, "", "must hold at most 5000 values"),
    "many lines": whole(
        f"{HEAD}{'#' * 9}\n{chr(10) * 120_000}epoch: 3", 120_004, "epoch", "unknown key", "'epoch'"
    ),
    "open quote": whole(f"{HEAD}name: '{('x' * 99 + chr(10) + '  ') * 1200}", 1203, "", "must be valid YAML"),
    "many steps": whole(
        f"{HEAD}method: grid\nparameters: {{width: {{min: 1, max: 64}}, lr: {{min: 1e-4, max: 0.1, step: 1e-7}}}}",
        3,
        "method",
        "must make at most 100000 grid points",
        "63936064",
    ),
    "many digits in hex": whole(f"{HEAD}seed: 0x{'f' * 120_000}", 3, "seed", "must be <= 4294967295"),
}
"""Specs of up to 128 KiB that a naive check would take long to refuse."""


def _junk(num_bytes: int) -> bytes:
    return random.Random(0).randbytes(num_bytes)


RAW = {
    "no spec": Faulty(None, Case("", None, "", "cannot be read: No such file")),
    "no bytes": Faulty(b"", Case("", None, "", "must hold a sweep", "nothing")),
    "binary": Faulty(_junk(4096), Case("", 1, "", "must be UTF-8 text", "byte 0x")),
    "1 MB of junk": Faulty(_junk(10**6), Case("", None, "", "must be at most 128 KiB long", "131073 bytes")),
    "elf": Faulty(b"\x7fELF\x02\x01\x01\x00\xff\xfe", Case("", 1, "", "must be UTF-8 text")),
    "utf-16": Faulty("workload: mlp".encode("utf-16"), Case("", 1, "", "must be UTF-8 text", "byte 0xff")),
    "latin-1": Faulty("name: é".encode("latin-1"), Case("", 1, "", "must be UTF-8 text", "byte 0xe9")),
    "null": Faulty(b"workload: mlp\nname: \x00", Case("", 2, "", "must be UTF-8 text", "control character 0")),
    "delete": Faulty(b"workload: mlp\nname: \x7f", Case("", 2, "", "must be UTF-8 text", "control character 127")),
    "parquet as spec": Faulty(b"PAR1\x15\x04\x15\x10" * 100, Case("", 1, "", "must be UTF-8 text")),
    "csv as spec": Faulty(b"x0,x1,label\n1,2,a\n", Case("", 1, "", "must hold a sweep", "'x0,x1,label 1,2,a'")),
}
"""Spec files that are missing, empty, or no text."""


def _judged(cases: dict[str, Case]) -> Iterator[tuple[str, Faulty]]:
    for name, case in cases.items():
        yield name, Faulty((case.base + case.extra).encode(), case)


FAULTY: dict[str, Faulty] = RAW | {
    name: faulty for cases in (*TABLES, LARGE, BOMBS) for name, faulty in _judged(cases)
}
assert len(FAULTY) == len(RAW) + sum(map(len, (*TABLES, LARGE, BOMBS))), "two cases of one name"


@dataclass(frozen=True)
class Place:
    """Folders for whole commands: ``data`` holds the spec and its data; all others must stay empty."""

    root: Path

    @classmethod
    def make(cls, root: Path, large_bytes: int) -> Place:
        """Write all tables, and create the empty folders."""
        for name in ("data/large", "here", "home", "tmp"):
            (root / name).mkdir(parents=True)
        write_tables(root / "data")
        write_large(root / "data" / "large", large_bytes)
        return cls(root)

    @property
    def here(self) -> Path:
        """Empty folder in which the command runs."""
        return self.root / "here"

    def put(self, faulty: Faulty) -> None:
        """Write the spec, or delete the one there if the case has none."""
        spec = self.root / "data" / "sweep.yaml"
        spec.unlink(missing_ok=True)
        if faulty.raw is not None:
            spec.write_bytes(faulty.raw)

    def environment(self) -> dict[str, str]:
        """Return the command's environment: home and temporary folder in the place, no store and no cluster."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "RAY_", "PACELINE_"))}
        return kept | self.own_environment() | {"PYTHONPATH": str(ROOT)}

    def own_environment(self) -> dict[str, str]:
        """Return the variables of home and temporary folder."""
        return {"HOME": str(self.root / "home"), "TMPDIR": str(self.root / "tmp")}

    def files(self) -> frozenset[str]:
        """Return the path and size of each file in all folders."""
        return frozenset(f"{path.relative_to(self.root)} {path.stat().st_size}" for path in self.root.rglob("*"))
