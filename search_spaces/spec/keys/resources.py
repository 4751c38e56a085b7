"""The keys of a trial's resources: processors, workers, custom resources, environment variables."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_serializer

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
MAX_WORKERS = 4096

_OURS: Final = {
    "OMP_NUM_THREADS": "resources: {cpus: N}",
    "CUDA_VISIBLE_DEVICES": "resources: {gpus: N}",
    "PYTHONPATH": "modules beside the spec, which are found",
    **dict.fromkeys(("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"), "resources: {workers: N}"),
}
"""Variables that Paceline sets, with the key that decides them."""


def _bounds(value: Any) -> Any:
    bounds = list(value) if isinstance(value, list | tuple) else [value, value]
    if len(bounds) != 2 or not all(type(bound) is int for bound in bounds):
        raise ValueError("must be a number of workers, or [least, most]")
    if not 1 <= min(bounds) <= max(bounds) <= MAX_WORKERS:
        raise ValueError(f"must be >= 1 and <= {MAX_WORKERS}")
    if bounds[0] > bounds[1]:
        raise ValueError(f"must be [least, most], and {bounds[0]} is more than {bounds[1]}")
    return tuple(value) if isinstance(value, list) else value


def _part_or_whole(gpus: float) -> float:
    if gpus > 1 and gpus != int(gpus):
        raise ValueError(
            "must be a fraction below 1, or a whole number: a process has part of one GPU, or whole ones"
        )
    return gpus


def _rays_own(custom: dict[str, float]) -> dict[str, float]:
    for name in custom:
        if name.upper() in ("CPU", "GPU", "CPUS", "GPUS"):
            raise ValueError(f"must be other resources than {name}: write 'resources: {{{name.lower()[:3]}s: N}}'")
        if name.lower() in ("memory", "object_store_memory") or not name.strip():
            raise ValueError(f"must be names that nodes were started with (ray start --resources), not {name!r}")
    return custom


class Resources(BaseModel):
    """Resources for training one trial: CPUs and GPUs of a process, and the number of processes."""

    model_config = _STRICT

    cpus: Annotated[float, Field(gt=0, le=4096)] = Field(default=1.0, description="CPU cores of one process.")
    gpus: Annotated[float, Field(ge=0, le=4096), AfterValidator(_part_or_whole)] = Field(
        default=0.0,
        description="GPUs of one process: whole ones, or a fraction such as 0.5, with which two share one, and its "
        "memory, which nothing fences.",
    )
    custom: Annotated[dict[str, Annotated[float, Field(gt=0, le=4096)]], AfterValidator(_rays_own)] = Field(
        default={},
        description="Further resources of one process that a cluster's nodes have, by Ray's names, such as "
        "{a100: 1} or {'accelerator_type:A100': 0.001}.",
    )
    workers: Annotated[int | tuple[int, int], BeforeValidator(_bounds)] = Field(
        default=1, description="Processes that train one trial together, or [least, most]."
    )
    strategy: Literal["ddp", "fsdp"] = Field(
        default="ddp", description="Each process holds the whole model (ddp), or its share of it (fsdp)."
    )
    lr_scaling: Literal["none", "linear", "sqrt"] = Field(
        default="none", description="Multiplies lr by the number of processes (linear) or its square root (sqrt)."
    )

    @field_serializer("workers")
    def _plain(self, workers: int | tuple[int, int]) -> int | list[int]:
        return workers if isinstance(workers, int) else list(workers)

    @property
    def least(self) -> int:
        """Smallest number of processes that train a trial."""
        return self.workers if isinstance(self.workers, int) else self.workers[0]

    @property
    def most(self) -> int:
        """Largest number of processes that train a trial."""
        return self.workers if isinstance(self.workers, int) else self.workers[1]


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _settable(variables: dict[str, str]) -> dict[str, str]:
    for name in variables:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f"must be names of letters, digits and _, not {name!r}")
        if name in _OURS:
            raise ValueError(f"must be other variables than {name}, which is set here: write {_OURS[name]}")
        if name.startswith(("RAY_", "PACELINE_")):
            raise ValueError(f"must be other variables than {name}: those of Ray and Paceline are set outside")
    return variables


Environment = Annotated[
    dict[str, Annotated[str, BeforeValidator(_text), Field(max_length=10_000)]],
    Field(max_length=100),
    AfterValidator(_settable),
]
"""Environment variables by name; numbers are taken as texts."""


def _packages(value: Any) -> Any:
    if isinstance(value, str) or (isinstance(value, list) and all(isinstance(text, str) for text in value)):
        return value
    raise ValueError("must be a list of packages, such as [requests==2.32.5, ./my_pkg], or a file of requirements")


PipPackages = Annotated[list[str] | str, BeforeValidator(_packages)]
"""Packages as pip names them, or a file with one a line."""
