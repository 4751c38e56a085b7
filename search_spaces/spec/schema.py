"""Models of the spec file: its keys, types, bounds and descriptions, for pydantic and for the JSON Schema."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError, PydanticKnownError

from search_spaces.spec.data import Data
from search_spaces.spec.keys.budget import Budget, CostPerHour, StopWhen
from search_spaces.spec.keys.command import Program, Saves, StepsKey, Wandb, Words
from search_spaces.spec.keys.given import GIVEN, SpecValue
from search_spaces.spec.keys.resources import Environment, PipPackages, Resources
from search_spaces.spec.other_tools.words import KEYS, METHODS
from search_spaces.types.catalogue import DEFAULT_METHOD, DEFAULT_SCHEDULE, Catalogue
from search_spaces.types.problems import METRICS, Goal

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def instead(catalogue: Catalogue) -> dict[str, str]:
    """Return the refused keys of other tools, each with what to write instead."""
    return {
        **KEYS,
        "project": "is not read: write 'tracking: {experiment: NAME}'",
        "entity": "is not read: runs go to the store that 'tracking: {uri: ...}' names",
        "scheduler": f"is not read: write 'method: {' | '.join(catalogue.samplers)}'",
        "controller": "is not read: sweeps run here without a controller",
        "hyperparameters": "is not read: write 'parameters:'",
    }


def _word(word: str) -> BeforeValidator:
    """Return a validator that reads ``word`` as None and refuses an empty value, which is more often a mistake.

    In JSON, which only Paceline writes, null is None.
    """

    def read(value: Any, info: ValidationInfo) -> Any:
        if value is None and info.mode != "json":
            raise ValueError(f"must not be empty: leave it out, or write {word}")
        return None if value == word else value

    return BeforeValidator(read)


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", value.replace(" ", ""))
    if not value.strip() or parts is None:
        raise ValueError("must be seconds or a duration such as 90s, 15m, 2h or 1h30m")
    scales = (86400, 3600, 60, 1)
    return sum(float(part) * scale for part, scale in zip(parts.groups(), scales, strict=True) if part)


def _listed(value: Any) -> Any:
    return [] if value == "none" else [value] if isinstance(value, str) else value


Count = Annotated[int, Field(ge=1, le=100_000)]


_DEFAULT_METRICS = ", ".join(f"{next(iter(metrics))} for {problem}" for problem, metrics in METRICS.items())


class MetricFile(BaseModel):
    """The metric to optimise."""

    model_config = _STRICT

    name: str | None = Field(
        default=None,
        description="A validation metric that the workload reports on this data (reference page Metrics), or any "
        "that a function of your own reports; default: the first that it lists in its attribute metrics, else "
        f"{_DEFAULT_METRICS}.",
    )
    goal: Goal | None = Field(
        default=None, description="The metric's natural goal unless given; required for a name of your own."
    )
    target: float | None = Field(
        default=None, description="The sweep ends when a trial reaches it; with repeats on average over its seeds."
    )


class ObjectiveFile(BaseModel):
    """One of several objectives."""

    model_config = _STRICT

    name: Annotated[str, Field(min_length=1, max_length=250)] = Field(
        description="A validation metric, or what a trial costs (reference page Metrics)."
    )
    goal: Goal | None = Field(default=None, description="The metric's natural goal unless given.")


class ConstraintFile(BaseModel):
    """Bounds of a metric that a trial must keep."""

    model_config = _STRICT

    metric: Annotated[str, Field(min_length=1, max_length=250)] = Field(
        description="A metric that trials report, or what they cost (reference page Metrics)."
    )
    max: Annotated[float | None, GIVEN] = Field(default=None, description="The largest value allowed.")
    min: Annotated[float | None, GIVEN] = Field(default=None, description="The smallest value allowed.")


def _known_method(method: str, info: ValidationInfo) -> str:
    assert isinstance(info.context, Catalogue)
    names = list(info.context.methods)
    if method in METHODS and method not in names:
        raise ValueError(METHODS[method])
    if method not in names:
        raise PydanticKnownError("literal_error", {"expected": " or ".join([", ".join(names[:-1]), names[-1]])})
    return method


def _usable_name(name: str) -> str:
    """Refuse what MLflow takes as no name of a model, and what would lead out of a folder."""
    if name.strip(". ") == "" or any(sign in "/:\\" or not sign.isprintable() for sign in name):
        raise PydanticCustomError(
            "name", "must hold more than dots, and no '/', ':', '\\' or line break: it names a model"
        )
    return name


class EarlyTerminate(BaseModel):
    """The schedule that stops trials early, with its parameters as further fields."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    type: str = DEFAULT_SCHEDULE

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the schedule by name; those not given have their defaults."""
        return dict(self.model_extra or {})


class Final(BaseModel):
    """The final evaluation: the number of best trials to train again, and of new seeds for each."""

    model_config = _STRICT

    top: Annotated[int, Field(ge=1, le=100)] = Field(default=3, description="Best trials trained again.")
    seeds: Annotated[int, Field(ge=2, le=1000)] = Field(
        default=5, description="New seeds for each. The interval counts test rows and seeds; with 1 the rows alone."
    )
    baselines: bool = Field(
        default=True,
        description="Whether simple models, such as TF-IDF with logistic regression, are trained once on the same "
        "split and stand beside the champion.",
    )


class Repeats(BaseModel):
    """Trainings of each trial with several seeds."""

    model_config = _STRICT

    seeds: Annotated[int, Field(ge=2, le=100)] = Field(
        description="Most seeds of a trial, which counts with its mean; one that is clearly worse gets no more."
    )


MOST_RETESTED = 0.5


def _share(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == "none":
        return 0.0
    if value != "auto" and not (number and 0 <= value <= MOST_RETESTED):
        raise ValueError(f"must be auto, none, or a share of the budget from 0 to {MOST_RETESTED}, such as 0.12")
    return value if value == "auto" else float(value)


class Tracking(BaseModel):
    """The place of MLflow's runs; None: from the environment, else the default store."""

    model_config = _STRICT

    uri: Annotated[Annotated[str, Field(min_length=1, max_length=2000)] | None, _word("auto")] = Field(
        default=None, description="MLflow's tracking URI."
    )
    experiment: Annotated[Annotated[str, Field(min_length=1, max_length=250)] | None, _word("auto")] = Field(
        default=None, description="MLflow's experiment."
    )


_Place = Annotated[Annotated[str, Field(min_length=1, max_length=2000)] | None, _word("auto")]


class Storage(BaseModel):
    """Places shared by several machines; None: from the environment, else the sweep's home."""

    model_config = _STRICT

    study: _Place = Field(default=None, description="Database of the study: postgresql+psycopg://USER@HOST/DB.")
    checkpoints: _Place = Field(default=None, description="Folder or URI (s3://BUCKET/PREFIX) of the checkpoints.")


class SpecFile(BaseModel):
    """The sweep file, a superset of W&B's."""

    model_config = _STRICT

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_usable_name)] | None = Field(
        default=None, description="Shown in lists."
    )
    description: Annotated[str, Field(max_length=5000)] = Field(default="", description="Kept as the sweep's note.")
    program: Program = None
    command: Words = None
    steps: StepsKey = None
    checkpoint: Saves = False
    wandb: Wandb = "shim"
    workload: str = Field(
        description="What to train: a workload (reference page Hyperparameters), or "
        "package.module:NAME, a workload or function of your own. Required unless there is program or command."
    )
    data: Data = Field(
        description="The examples, the target column and the splits; left out where a function of your own "
        "brings its own.",
    )
    method: Annotated[str, AfterValidator(_known_method)] = Field(
        default=DEFAULT_METHOD, description="What to try next."
    )
    metric: MetricFile = Field(default=MetricFile(), description="What to optimise.")
    metrics: Annotated[list[ObjectiveFile], Field(max_length=4)] = Field(
        default_factory=list,
        description="Two to four objectives instead of metric, a validation metric first: their front is searched. "
        "For a script a group: where its metrics are found in what it prints.",
    )
    constraints: Annotated[list[ConstraintFile], Field(max_length=20)] = Field(
        default_factory=list,
        description="Bounds of metrics. A trial that breaks one is infeasible: it ends as soon as that is certain, "
        "and never wins.",
    )
    parameters: dict[str, Any] | None = Field(
        default=None, description="What to search; the workload's default space unless given."
    )
    require: Annotated[list[str], Field(max_length=64)] = Field(
        default_factory=list,
        description="Conditions between hyperparameters that every trial satisfies, as in "
        "['width >= 4 * heads']; what does not is drawn again.",
    )
    early_terminate: Annotated[dict[str, Any] | None, _word("none")] = Field(
        default_factory=dict, description=f"When to stop a trial early: {DEFAULT_SCHEDULE} unless given."
    )
    trials: Count | None = Field(
        default=None, description="Number of configurations; default: 20, or a whole grid and the defaults."
    )
    epochs: Count = Field(default=10, description="Number of epochs of a trial that is not stopped early.")
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = Field(
        default=0, description="Seed of the search and of the training."
    )
    start_from: Annotated[list[dict[str, SpecValue]], Field(max_length=1000)] = Field(
        default_factory=list, description="Configurations tried first, after the workload's defaults."
    )
    warm_start: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=2000)]], Field(max_length=100), BeforeValidator(_listed)
    ] = Field(
        default_factory=list,
        description="Earlier sweeps, by ID or by the path of their home, whose trials the sampler knows from the "
        "start. They are not among this sweep's trials.",
    )
    cache: Annotated[bool | None, _word("auto")] = Field(
        default=None,
        description="Takes over the results of equal trainings by earlier sweeps of the folder: same code, data, "
        "configuration, seed, epochs and resources. 'auto': unless the workload is your own, whose code may read "
        "anything; true: also then; false: all is trained.",
    )
    max_concurrent: Annotated[Annotated[int, Field(ge=1, le=4096)] | None, _word("auto")] = Field(
        default=None,
        description="Number of workers that train at the same time; default: as many as fit on the machine.",
    )
    train_together: Annotated[Annotated[int, Field(ge=1, le=1024)] | None, _word("auto")] = Field(
        default=None,
        description="Largest number of trials trained together as one program; default: from trials and workers.",
    )
    timeout: Annotated[Annotated[float, Field(gt=0, le=31_536_000)] | None, BeforeValidator(_seconds)] = Field(
        default=None, description="Ends the sweep: seconds, or 90s, 15m, 2h."
    )
    budget: Annotated[Budget | None, _word("none")] = Field(
        default=None, description="What the search may use besides trials and time; it ends when that is used up."
    )
    cost_per_hour: Annotated[CostPerHour | None, _word("none")] = Field(
        default=None, description="Prices, by which the search's cost is counted and shown."
    )
    stop_when: Annotated[StopWhen | None, _word("none")] = Field(
        default=None, description="Ends the sweep when more trials are unlikely to find a better one."
    )
    grace: Annotated[Annotated[float, Field(gt=0, le=31_536_000)], BeforeValidator(_seconds)] = Field(
        default=30.0,
        description="When the search ends early or is stopped, a trial has this long to report its current epoch; "
        "then its worker is ended.",
    )
    trial_timeout: Annotated[Annotated[float, Field(gt=0, le=31_536_000)] | None, BeforeValidator(_seconds)] = (
        Field(
            default=None,
            description="A trial that has trained for longer than this fails, and is not tried again. Trials that "
            "are trained together have an equal share of the time each.",
        )
    )
    priority: Annotated[int, Field(ge=-1000, le=1000)] = Field(
        default=0, description="Priority on a shared cluster: sweeps with a higher one get free workers first."
    )
    max_retries: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=3, description="Further attempts of one trial whose code raises or whose worker dies."
    )
    max_failed_trials: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        default=None,
        description="With more failed trials than this a sweep ends with exit code 3: max_retries unless given.",
    )
    resources: Resources = Field(default=Resources(), description="What training one trial takes.")
    env: Environment = Field(
        default={},
        description="Environment variables of the processes that train, such as {TOKENIZERS_PARALLELISM: 'false'}.",
    )
    pip: PipPackages = Field(
        default=[],
        description="Packages that users' code imports and this Python lacks, such as [requests==2.32.5, ./my_pkg, "
        "./wheels/mine-1.0-py3-none-any.whl], or a file of requirements. They are installed once on each machine.",
    )
    working_dir: str | None = Field(
        default=None, description="Folder in which users' code is and runs; default: the folder of the sweep file."
    )
    final: Annotated[Final | None, _word("none")] = Field(
        default=Final(), description="The final evaluation on the test split; 'none', a script's default, skips it."
    )
    repeats: Annotated[Repeats | None, _word("none")] = Field(
        default=None, description="Trains each trial with several seeds; default: with one."
    )
    retest: Annotated[float | Literal["auto"], BeforeValidator(_share)] = Field(
        default="auto",
        description="Share of all epochs that trains the best trials again, with new seeds, after the search, "
        "as 0.12; 'auto': as much where the best differ by little beside a seed's noise; 'none': no retests.",
    )
    tracking: Tracking = Field(default=Tracking(), description="Where MLflow keeps the runs.")
    storage: Storage = Field(default=Storage(), description="Where study and checkpoints are kept.")
