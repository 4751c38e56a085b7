"""One hyperparameter of Determined's and Katib's files in the form of a spec's parameter."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from search_spaces.space.domain_contract import is_number


def determined_parameter(value: Any) -> Any:
    """Return one of Determined's hyperparameters in the form of a spec's parameter."""
    if not isinstance(value, dict):
        return _fixed(value)
    if value["type"] in ("const", "categorical"):
        return _fixed(value.get("val")) if value["type"] == "const" else {"values": value.get("vals")}
    ends = {"min": value.get("minval"), "max": value.get("maxval")}
    if value["type"] == "log":
        ends = {key: _power(value.get("base", 10), end) for key, end in ends.items()} | {"log": True}
    return {**ends, **({"count": value["count"]} if "count" in value else {})}


def _fixed(value: Any) -> Any:
    return {"value": value} if value is None or isinstance(value, list | dict) else value


def _power(base: Any, exponent: Any) -> Any:
    able = all(isinstance(number, int | float) and abs(number) < 100 for number in (base, exponent)) and base > 0
    return float(f"{float(base) ** exponent:.12g}") if able else exponent


def katib_parameter(one: Mapping[str, Any]) -> Any:
    """Return one of Katib's parameters in the form of a spec's parameter."""
    space = one["feasibleSpace"]
    if isinstance(space.get("list"), list):
        return {"values": [number(value) for value in space["list"]]}
    keys = {key: number(space[key]) for key in ("min", "max", "step") if key in space}
    if keys.get("min") is not None and keys.get("min") == keys.get("max"):
        return keys["min"]
    if one.get("parameterType") == "double":
        keys = {
            key: float(value) if isinstance(value, int) and abs(value) < 2**63 else value
            for key, value in keys.items()
        }
    if str(space.get("distribution")).startswith("log"):
        keys = {key: value for key, value in keys.items() if key != "step"} | {"log": True}
    return keys


def last_step(keys: Mapping[str, Any]) -> Any:
    """Return the largest of min, min + step, ... up to max, as written in decimals; max where there is no step."""
    low, high, step = (keys.get(key) for key in ("min", "max", "step"))
    if not (is_number(low) and is_number(high) and is_number(step)) or step <= 0 or low > high or abs(high) > 2**63:
        return high
    first, end, stride = (Decimal(repr(one)) for one in (low, high, step))
    last = first + (end - first) // stride * stride
    return high if last == end else type(high)(last)


def number(text: Any) -> Any:
    """Return the number in a text, as Katib writes numbers; any other value unchanged."""
    for kind in (int, float):
        try:
            return kind(text)
        except (TypeError, ValueError):
            continue
    return text
