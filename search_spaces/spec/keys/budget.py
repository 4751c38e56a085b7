"""The keys that limit what a search may cost, and those that end one that no longer pays."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import shown

if TYPE_CHECKING:
    from search_spaces.spec.schema import SpecFile

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
_Amount = Annotated[float, Field(gt=0, le=1e9)]
HOUR_S: Final = 3600.0


class Budget(BaseModel):
    """What the search may use; the final evaluation comes on top."""

    model_config = _STRICT

    epochs: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = Field(
        default=None, description="Epochs of all trials together."
    )
    lane_hours: _Amount | None = Field(
        default=None, description="Hours of training, summed over the workers that train at the same time."
    )
    gpu_hours: _Amount | None = Field(default=None, description="The same, times the GPUs of each trial.")
    cost: _Amount | None = Field(default=None, description="Money, by cost_per_hour, in its currency.")

    @property
    def given(self) -> dict[str, float]:
        """The limits that are set, by name."""
        return {name: limit for name, limit in self if limit is not None}


class CostPerHour(BaseModel):
    """What an hour of each resource costs, in any currency."""

    model_config = _STRICT

    cpu: Annotated[float, Field(ge=0, le=1e6)] = Field(default=0.0, description="One CPU core.")
    gpu: Annotated[float, Field(ge=0, le=1e6)] = Field(default=0.0, description="One GPU.")


class StopWhen(BaseModel):
    """When the whole search has little left to find."""

    model_config = _STRICT

    no_improvement: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None,
        description="The sweep ends when so many trials have been tried since the best value was last bettered: "
        "each has ended, or waits for a decision of early_terminate.",
    )
    regret_below: _Amount | None = Field(
        default=None,
        description="The sweep ends when a Gaussian process of its trials holds it for unlikely that any "
        "configuration is better than the best one by more than this, in the objective's unit.",
    )


def lane_rates(cpus: float, gpus: float, workers: int, prices: CostPerHour) -> dict[str, float]:
    """Return what an hour of one lane uses, by the name of the limit: lane-hours, GPU-hours, money."""
    money = workers * (cpus * prices.cpu + gpus * prices.gpu)
    return {"lane_hours": 1.0, "gpu_hours": workers * gpus, "cost": money}


def check_budget(document: Document, spec: SpecFile, faulty: Set[str]) -> None:
    """Note every fault of ``budget``, ``cost_per_hour`` and ``stop_when`` that depends on several keys.

    Keys that are ``faulty`` themselves are left out.
    """
    for path, rule, received in (*_empty(spec), *_useless(spec, faulty)):
        document.fault(path, rule, received)


_Told = tuple[tuple[str, ...], str, str]


def _empty(spec: SpecFile) -> Iterator[_Told]:
    for name, group in (("budget", spec.budget), ("stop_when", spec.stop_when)):
        if group is not None and not any(value is not None for _, value in group):
            known = ", ".join(type(group).model_fields)
            yield (name,), f"must hold at least one of {known}, or be left out", "{}"


def _useless(spec: SpecFile, faulty: Set[str]) -> Iterator[_Told]:
    budget, wanted, prices = spec.budget, spec.resources, spec.cost_per_hour
    if prices is not None and not prices.cpu and not prices.gpu:
        yield ("cost_per_hour",), "must give cpu or gpu a price above 0, or be left out", shown(prices.model_dump())
    if budget is None:
        return
    if budget.epochs is not None and budget.epochs < spec.epochs and "epochs" not in faulty:
        rule = f"must be at least epochs = {spec.epochs}, else no trial is trained to the end"
        yield ("budget", "epochs"), rule, shown(budget.epochs)
    if budget.gpu_hours is not None and not wanted.gpus and "resources" not in faulty:
        rule = "has no effect without GPUs: leave it out, or give resources.gpus"
        yield ("budget", "gpu_hours"), rule, shown(budget.gpu_hours)
    if budget.cost is None or faulty & {"cost_per_hour", "resources"}:
        return
    if prices is None:
        rule = "needs prices: give cost_per_hour: {cpu: ..., gpu: ...}"
        yield ("budget", "cost"), rule, shown(budget.cost)
    elif (prices.cpu or prices.gpu) and not lane_rates(wanted.cpus, wanted.gpus, wanted.most, prices)["cost"]:
        rule = "has no effect: cost_per_hour has no price of what a trial takes (resources)"
        yield ("budget", "cost"), rule, shown(budget.cost)
