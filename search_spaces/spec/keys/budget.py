"""The keys that limit what a search may cost, and those that end one that no longer pays."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from search_spaces.spec.keys.given import GIVEN

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
_Amount = Annotated[Annotated[float, Field(gt=0, le=1e9)] | None, GIVEN]


class Budget(BaseModel):
    """What the search may use; the final evaluation comes on top."""

    model_config = _STRICT

    epochs: Annotated[Annotated[int, Field(ge=1, le=1_000_000_000)] | None, GIVEN] = Field(
        default=None, description="Epochs of all trials together."
    )
    lane_hours: _Amount = Field(
        default=None, description="Hours of training, summed over the workers that train at the same time."
    )
    gpu_hours: _Amount = Field(default=None, description="The same, times the GPUs of each trial.")
    cost: _Amount = Field(default=None, description="Money, by cost_per_hour, in its currency.")

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

    no_improvement: Annotated[Annotated[int, Field(ge=1, le=100_000)] | None, GIVEN] = Field(
        default=None,
        description="The sweep ends when so many trials have been tried since the best value was last bettered: "
        "each has ended, or waits for a decision of early_terminate.",
    )
    regret_below: _Amount = Field(
        default=None,
        description="The sweep ends when a Gaussian process of its trials holds it for unlikely that any "
        "configuration is better than the best one by more than this, in the objective's unit.",
    )
