"""The keys of a script: the program, its command line, the unit of its steps, and where its metrics are found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from search_spaces.spec.yaml_document import flow

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
_FROZEN = ConfigDict(frozen=True, extra="forbid")

SCRIPT: Final = "script"
"""Name of the workload of a spec with ``program`` or ``command``."""
DEFAULT_COMMAND: Final = ("${env}", "${interpreter}", "${program}", "${args}")
"""W&B's command line where the spec has none."""
ARGUMENTS: Final = {
    "args": "--name=value",
    "args_no_equals": "--name value",
    "args_no_hyphens": "name=value",
    "args_no_boolean_flags": "--name=value, of a boolean --name or nothing",
    "args_append_hydra": "+name=value",
    "args_override_hydra": "++name=value",
    "args_json": "all as one JSON object",
    "args_json_file": "path of a file with this object",
}
"""Macros that stand for the hyperparameters, as W&B names them."""
MACROS: Final = ("env", "interpreter", "program", *ARGUMENTS)
ENVVAR: Final = re.compile(r"\$\{envvar:([A-Za-z_][A-Za-z0-9_]*)\}")
"""Stands for the value of an environment variable, also within a word."""
UNKNOWN_LENGTH: Final = 100_000
"""``epochs`` of a sweep whose scripts end by themselves, after a number of reports that nobody has said."""

Word = Annotated[str, Field(min_length=1, max_length=2000)]


class Steps(BaseModel):
    """The unit of a trial's length, where it is not the number of reports."""

    model_config = _STRICT

    name: Annotated[str, Field(min_length=1, max_length=250)] = Field(
        description="A metric that the script reports beside the others and that only grows, such as global_step."
    )
    most: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(description="Its value at which a trial is done.")


def _expression(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"must be a regular expression: {error}") from None
    named = {"name", "value"} <= groups.keys()
    if not groups or (not named and groups.keys() & {"name", "value"}):
        raise ValueError(
            "must name what it finds: (?P<name>...) and (?P<value>...), or each metric: (?P<val_acc>...)"
        )
    return pattern


class Found(BaseModel):
    """Where the metrics of a script are found in what it prints."""

    model_config = _STRICT

    pattern: Annotated[Word, AfterValidator(_expression)] = Field(
        description="A regular expression with the groups name and value, or with one group for each metric, "
        "looked for in each line that the script prints."
    )


def _words(value: Any) -> Any:
    """Read numbers of a command line as the texts that they are."""
    if isinstance(value, str):
        raise ValueError(f"must be a list of words, such as {flow(value.split() or ['python', 'train.py'])}")
    if not isinstance(value, list):
        return value
    return [str(one) if isinstance(one, int | float) and not isinstance(one, bool) else one for one in value]


_OTHERS = (*list(ARGUMENTS)[1:], "envvar:NAME")
Program = Annotated[
    Word | None,
    Field(description="A script of your own, by its path from the spec's folder, in place of workload."),
]
Words = Annotated[
    Annotated[list[Word], Field(min_length=1, max_length=1000)] | None,
    BeforeValidator(_words),
    Field(
        description="The command line that starts it, with W&B's macros: "
        f"[{', '.join(DEFAULT_COMMAND)}] unless given, and {', '.join(f'${{{name}}}' for name in _OTHERS)}."
    ),
]
StepsKey = Annotated[
    Steps | None, Field(description="Unit of a trial's length and of min_iter, in place of epochs, for a script.")
]
Saves = Annotated[
    bool,
    Field(
        description="Whether the script writes to the folder that PACELINE_CHECKPOINT names, and continues from "
        "what it finds there: then it is paused and promoted."
    ),
]
Wandb = Annotated[
    Literal["shim", "real"],
    Field(description="What 'import wandb' is in a script: Paceline's module of that name, or the package."),
]


class Command(BaseModel):
    """What a trial of a script runs, and how its metrics are read."""

    model_config = _FROZEN

    program: str | None = None
    """The program as the spec names it: a path from the spec's folder."""
    words: tuple[str, ...] = DEFAULT_COMMAND
    """Command line with macros, as in the spec."""
    nested: dict[str, tuple[str, ...]] = {}
    """Hyperparameters of nested ``parameters``: the dotted name, and its parts."""
    steps: Steps | None = None
    """Unit of ``epochs`` and of the rungs; None: reports of the metric."""
    checkpoint: bool = False
    """Whether the script saves and finds ``PACELINE_CHECKPOINT``, so that it can be paused and promoted."""
    wandb: Literal["shim", "real"] = "shim"
    """What ``import wandb`` imports."""
    pattern: str | None = None
    """Regular expression that finds metrics in printed lines; None: ``name=value`` and JSON objects."""
    open_ended: bool = False
    """Whether a trial ends when its script does: nobody has said after how many reports."""
    notes: tuple[str, ...] = ()
    """What of a W&B file is read in another way than W&B does, in words."""

    @property
    def title(self) -> str:
        """The script in words: its program, or the first word of its command."""
        return self.program or next((word for word in self.words if "${" not in word), "the script")

    def grouped(self, parameters: Mapping[str, Any], inner: str = "parameters") -> dict[str, Any]:
        """Return values by hyperparameter in the spec's groups, with the key ``inner`` in each unless empty."""
        found: dict[str, Any] = {}
        for name, value in parameters.items():
            *groups, last = self.nested.get(name, (name,))
            within = found
            for group in groups:
                within = within.setdefault(group, {})
                within = within.setdefault(inner, {}) if inner else within
            within[last] = value
        return found

    def to_tree(self) -> dict[str, Any]:
        """Return the command as keys of a spec's file, with plain values."""
        found = self.model_dump(exclude_defaults=True, include={"program", "steps", "checkpoint", "wandb"})
        if self.words != DEFAULT_COMMAND:
            found["command"] = list(self.words)
        return found | ({"metrics": {"pattern": self.pattern}} if self.pattern else {})
