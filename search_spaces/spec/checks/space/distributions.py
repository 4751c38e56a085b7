"""Converts one parameter of a spec to its domain, by W&B's keys and distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from search_spaces.space.domain_contract import Domain, DomainFault, check_range, is_number
from search_spaces.space.domains import Choice, Constant, Int, Uniform
from search_spaces.space.hyperparameters import Hyperparameter
from search_spaces.space.quantile_domains import Beta, Normal, Rounded
from search_spaces.spec.keys.given import SpecValue
from search_spaces.types.values import Value

_LAWS = {
    "constant": ("value",),
    "categorical": ("values",),
    "categorical_w_probabilities": ("values", "probabilities"),
    "int_uniform": ("min", "max", "step", "log", "count"),
    "uniform": ("min", "max", "step", "count"),
    "log_uniform": ("min", "max", "count"),
    "log_uniform_values": ("min", "max", "count"),
    "inv_log_uniform": ("min", "max", "count"),
    "inv_log_uniform_values": ("min", "max", "count"),
    "normal": ("mu", "sigma", "min", "max"),
    "log_normal": ("mu", "sigma", "min", "max"),
    "beta": ("a", "b"),
}
_ROUNDED = ("uniform", "log_uniform", "log_uniform_values", "normal", "log_normal", "beta")
KEYS = {**_LAWS, **{f"q_{law}": (*(k for k in _LAWS[law] if k not in ("step", "count")), "q") for law in _ROUNDED}}
"""Keys that have an effect with each distribution of W&B."""
_OPTIONAL = {"step", "log", "count", "mu", "sigma", "q"}


class ParameterFile(BaseModel):
    """A searched hyperparameter as written in the spec. Which keys may be combined depends on the distribution."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    value: SpecValue = Field(default=None, description="The one value: not searched.")
    values: list[SpecValue] = Field(default_factory=list, max_length=1000, description="One of these.")
    probabilities: list[float] = Field(
        default_factory=list, max_length=1000, description="One for each of values, summing to 1."
    )
    min: int | float | None = Field(
        default=None, description="Smallest value (log_uniform: its natural logarithm)."
    )
    max: int | float | None = Field(default=None, description="Largest value (log_uniform: its natural logarithm).")
    log: bool = Field(default=False, description="Evenly in the logarithm.")
    step: int | float | None = Field(
        default=None, description="Only min, min + step, ..., max. Must divide the range."
    )
    count: int | None = Field(
        default=None, description="With method grid: so many values of the range, min and max among them."
    )
    distribution: Literal[tuple(KEYS)] | None = Field(default=None, description="W&B's name of the distribution.")  # type: ignore[valid-type]
    q: int | float | None = Field(default=None, description="Round to multiples of q.")
    mu: float | None = Field(default=None, description="Mean (of the logarithm for log_normal); 0 by default.")
    sigma: float | None = Field(default=None, description="Standard deviation; 1 by default.")
    a: float | None = Field(default=None, description="First shape parameter of the beta distribution.")
    b: float | None = Field(default=None, description="Second shape parameter of the beta distribution.")
    when: dict[str, Value | Annotated[list[SpecValue], Field(min_length=1, max_length=64)]] = Field(
        default_factory=dict, description="Exists only where these other parameters have these values."
    )


def values_meant(parameter: ParameterFile, rule: Hyperparameter | None) -> str | None:
    """Return distribution ``..._values`` if min and max look like values but are read as logarithms, or None."""
    law, low, high = str(parameter.distribution), parameter.min, parameter.max
    if not law.endswith("log_uniform") or rule is None or low is None or high is None or not 0 < low < high:
        return None
    if rule.fault(low) or rule.fault(high) or not is_number(rule.default):
        return None
    ends = (-high, -low) if "inv" in law else (low, high)
    first, last = (math.exp(max(min(end, 700), -700)) for end in ends)
    instead = low <= rule.default <= high and not first <= rule.default <= last
    return f"'{law}_values'" if instead or rule.fault(first) or rule.fault(last) else None


@dataclass(frozen=True)
class _Law:
    """Converter of a parameter's keys to its domain. Raises DomainFault, which names the faulty key."""

    parameter: ParameterFile
    given: frozenset[str]
    rule: Hyperparameter | None

    def domain(self) -> Domain:
        law = self._law()
        self._check_keys(law)
        if law.startswith("q_"):
            return self._rounded(law.removeprefix("q_"))
        domain: Domain = _BUILDERS[law](self)
        return domain

    def _law(self) -> str:
        """Return the distribution, inferred from the keys where it is not given, by W&B's rules."""
        if self.parameter.distribution is not None:
            return str(self.parameter.distribution)
        if "value" in self.given:
            return "constant"
        if "values" in self.given:
            return "categorical_w_probabilities" if "probabilities" in self.given else "categorical"
        for key in ("mu", "sigma", "a", "b", "q"):
            if key in self.given:
                raise DomainFault(key, "needs a distribution beside it (such as normal, beta or q_uniform)")
        if not self.given & {"min", "max"}:
            raise DomainFault("values", "or min and max, or value, must be given")
        ends = (self.parameter.min, self.parameter.max, self.parameter.step)
        kind = self.rule.type if self.rule else None
        whole = kind is not float and all(isinstance(end, int) for end in ends if end is not None)
        if whole or kind is int:
            return "int_uniform"
        return "log_uniform_values" if self.parameter.log else "uniform"

    def _check_keys(self, law: str) -> None:
        allowed = {*KEYS[law], "when", "distribution"}
        if law == "log_uniform_values" or not self.parameter.log:  # log: false is the default
            allowed.add("log")
        if "log" in self.given and not self.parameter.log and "log_uniform" in law:
            raise DomainFault("log", f"cannot be false with distribution {law}")
        for key in sorted(self.given - allowed):
            raise DomainFault(key, f"has no effect with distribution {law}")
        for key in KEYS[law]:
            if key not in self.given and key not in _OPTIONAL and not (key in ("min", "max") and "mu" in KEYS[law]):
                raise DomainFault(key, f"is required for distribution {law}")
        if self.rule and self.rule.type in (bool, str) and "values" not in KEYS[law] and law != "constant":
            raise DomainFault("values", f"must be given: {self.rule.name} is {self.rule.range}")

    def _rounded(self, law: str) -> Domain:
        q = 1 if self.parameter.q is None else self.parameter.q
        if self._is_int:
            q = self._whole("q", q)
        return Rounded(_BUILDERS[law](self, plain=True), q)

    @property
    def _is_int(self) -> bool:
        return self.rule is not None and self.rule.type is int

    def _whole(self, key: str, number: float) -> int:
        if not float(number).is_integer():
            raise DomainFault(key, "must be a whole number", number)
        return int(number)

    def _ends(self) -> tuple[float, float]:
        assert self.parameter.min is not None and self.parameter.max is not None
        return self.parameter.min, self.parameter.max

    def int_uniform(self, plain: bool = False) -> Domain:
        low, high = self._ends()
        step = 1 if self.parameter.step is None else self.parameter.step
        return Int(
            self._whole("min", low),
            self._whole("max", high),
            self._whole("step", step),
            log=self.parameter.log,
            count=self.parameter.count,
        )

    def uniform(self, plain: bool = False) -> Domain:
        """Return the domain; with ``plain`` an integer's range stays continuous, as it is rounded later."""
        if self._is_int and not plain:
            return self.int_uniform()
        low, high = map(float, self._ends())
        step = self.parameter.step
        return Uniform(low, high, None if step is None else float(step), count=self.parameter.count)

    def log_uniform_values(self, plain: bool = False) -> Domain:
        low, high = self._ends()
        if self._is_int and not plain:
            ends = self._whole("min", low), self._whole("max", high)
            return Int(*ends, log=True, count=self.parameter.count)
        return Uniform(float(low), float(high), log=True, count=self.parameter.count)

    def log_uniform(self, plain: bool = False) -> Domain:
        low, high = self._ends()
        for key, exponent in (("min", low), ("max", high)):
            if abs(exponent) > 700:
                raise DomainFault(key, "is the natural logarithm of a bound and must lie in -700 to 700", exponent)
        if self._is_int and not plain:
            raise DomainFault("distribution", "must be log_uniform_values for a whole number", "log_uniform")
        check_range(low, high)
        return Uniform(math.exp(low), math.exp(high), log=True, count=self.parameter.count)

    def inv_log_uniform(self, plain: bool = False) -> Domain:
        """log(1/x) is uniform between min and max: x is log-uniform between exp(-max) and exp(-min)."""
        low, high = self._ends()
        turned = self.parameter.model_copy(update={"min": -high, "max": -low})
        return _Law(turned, self.given, self.rule).log_uniform(plain)

    def normal(self, plain: bool = False) -> Domain:
        p = self.parameter
        if self._is_int and not plain:
            raise DomainFault("distribution", f"must be q_{p.distribution} for a whole number", p.distribution)
        mu, sigma = 0.0 if p.mu is None else p.mu, 1.0 if p.sigma is None else p.sigma
        low, high = (None if end is None else float(end) for end in (p.min, p.max))
        return Normal(mu, sigma, low, high, log=str(p.distribution).endswith("log_normal"))

    def beta(self, plain: bool = False) -> Domain:
        assert self.parameter.a is not None and self.parameter.b is not None
        if self._is_int and not plain:
            raise DomainFault("distribution", "must be q_beta for a whole number", "beta")
        return Beta(self.parameter.a, self.parameter.b)

    def choice(self, plain: bool = False) -> Domain:
        values = tuple(typed(self.rule, value) for value in self.parameter.values)
        return Choice(values, tuple(self.parameter.probabilities) or None)

    def constant(self, plain: bool = False) -> Domain:
        return Constant(typed(self.rule, self.parameter.value))


_BUILDERS: dict[str, Callable[..., Domain]] = {
    "constant": _Law.constant,
    "categorical": _Law.choice,
    "categorical_w_probabilities": _Law.choice,
    "int_uniform": _Law.int_uniform,
    "uniform": _Law.uniform,
    "log_uniform": _Law.log_uniform,
    "log_uniform_values": _Law.log_uniform_values,
    "inv_log_uniform": _Law.inv_log_uniform,
    "inv_log_uniform_values": _Law.log_uniform_values,
    "normal": _Law.normal,
    "log_normal": _Law.normal,
    "beta": _Law.beta,
}


def domain_of(parameter: ParameterFile, rule: Hyperparameter | None) -> Domain:
    """Return the domain of a parameter with the workload's ``rule``. Raises DomainFault with the faulty key."""
    return _Law(parameter, frozenset(parameter.model_fields_set), rule).domain()


def typed(rule: Hyperparameter | None, value: Value) -> Value:
    """Return ``value`` in the hyperparameter's type; unchanged where it breaks the rule and is refused later."""
    return value if rule is None or rule.fault(value) else rule.typed(value)
