"""Every domain keeps its contract, draws by the law its name promises, and refuses to be born wrong."""

from __future__ import annotations

import json
import math
import statistics
from typing import Any

import optuna
import pytest

from search_spaces.space.domain_contract import Domain, DomainFault
from search_spaces.space.domains import EXACT, LARGEST, Choice, Constant, Int, Uniform
from search_spaces.space.quantile_domains import Beta, Normal, Rounded
from search_spaces.space.space import Space
from search_spaces.space.space_json import space_from_json, space_to_json

DOMAINS: dict[str, Domain] = {
    "uniform": Uniform(-1.0, 2.0),
    "stepped": Uniform(0.1, 0.7, 0.2),
    "log": Uniform(1e-5, 1e-1, log=True),
    "int": Int(3, 17),
    "int step": Int(32, 512, 32),
    "int log": Int(1, 1000, log=True),
    "choice": Choice(("relu", "tanh")),
    "mixed choice": Choice((0.5, 1, None, "1")),
    "weighted": Choice((16, 32, 64), (0.2, 0.5, 0.3)),
    "constant": Constant(0.9),
    "normal": Normal(2.0, 0.5),
    "cut normal": Normal(0.5, 0.5, 0.0, 0.9),
    "log-normal": Normal(-3.0, 1.0, log=True),
    "beta": Beta(2.0, 5.0),
    "q_uniform": Rounded(Uniform(0.0, 1.0), 0.1),
    "q_log": Rounded(Uniform(8.0, 512.0, log=True), 8),
    "q_normal": Rounded(Normal(64.0, 8.0), 4),
    "q_beta": Rounded(Beta(2.0, 2.0), 0.05),
}


def draws(domain: Domain, count: int) -> list[Any]:
    """Values drawn as a sampler would."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [domain.to_value(study.ask({"x": domain.distribution}).params["x"]) for _ in range(count)]


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
def test_values_go_to_optuna_and_back(domain: Domain) -> None:
    for value in draws(domain, 50):
        assert domain.contains(value)
        internal = domain.to_internal(value)
        assert domain.distribution._contains(domain.distribution.to_internal_repr(internal))
        back = domain.to_value(internal)
        assert back == (pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value)


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
def test_a_domain_comes_back_from_json_to_the_types_of_its_numbers(domain: Domain) -> None:
    space = Space({"y": Choice((2, True, "a")), "x": domain}, {"x": {"y": (True, "a")}})
    back = space_from_json(json.loads(json.dumps(space_to_json(space))))
    assert back == space and repr(back) == repr(space)


def test_a_log_scale_of_an_earlier_version_is_read() -> None:
    record = {"domains": {"lr": {"kind": "LogUniform", "low": 1e-4, "high": 0.1}}, "when": {}}
    assert space_from_json(record) == Space({"lr": Uniform(1e-4, 0.1, log=True)})


@pytest.mark.parametrize("name", [name for name, domain in DOMAINS.items() if domain.bounds])
def test_values_stay_inside_the_bounds_and_reach_them(name: str) -> None:
    domain = DOMAINS[name]
    assert domain.bounds is not None
    low, high = domain.bounds
    law: Any = domain.distribution
    assert (domain.to_value(law.low), domain.to_value(law.high)) == (pytest.approx(low), pytest.approx(high))
    assert not domain.contains(low - 1) and not domain.contains(high + 1)
    assert not domain.contains("x") and not domain.contains(True) and not domain.contains(math.nan)


@pytest.mark.parametrize("name", ["stepped", "int", "int step", "choice", "weighted", "constant", "q_uniform"])
def test_the_grid_holds_every_value_that_is_drawn(name: str) -> None:
    grid = list(DOMAINS[name].grid())
    assert len(set(grid)) == len(grid)
    assert set(draws(DOMAINS[name], 400)) == set(grid)


@pytest.mark.parametrize("name", ["uniform", "log", "normal", "beta", "q_normal", "q_log"])
def test_continuous_laws_have_no_grid(name: str) -> None:
    with pytest.raises(DomainFault, match="needed"):
        DOMAINS[name].grid()


def test_stepped_values_carry_no_binary_dust() -> None:
    assert list(Uniform(0.1, 0.7, 0.2).grid()) == [0.1, 0.3, 0.5, 0.7]
    assert list(Uniform(0.1, 0.7, 0.2).grid()[1:3]) == [0.3, 0.5]
    assert len(Uniform(0.0, 0.1, 1e-7).grid()) == 1_000_001
    assert list(Rounded(Uniform(0.0, 1.0), 0.1).grid()) == [k / 10 for k in range(11)]


def test_laws_draw_what_their_names_promise() -> None:
    count = 3000
    normal = draws(DOMAINS["normal"], count)
    assert statistics.fmean(normal) == pytest.approx(2.0, abs=0.05)
    assert statistics.stdev(normal) == pytest.approx(0.5, abs=0.03)
    logs = [math.log(value) for value in draws(DOMAINS["log-normal"], count)]
    assert (statistics.fmean(logs), statistics.stdev(logs)) == (
        pytest.approx(-3, abs=0.1),
        pytest.approx(1, abs=0.05),
    )
    assert statistics.fmean(draws(DOMAINS["beta"], count)) == pytest.approx(2 / 7, abs=0.02)
    weighted = draws(DOMAINS["weighted"], count)
    shares = [weighted.count(value) / count for value in (16, 32, 64)]
    assert shares == pytest.approx([0.2, 0.5, 0.3], abs=0.04)
    tenths = draws(DOMAINS["q_uniform"], count)
    assert tenths.count(0.0) / tenths.count(0.5) == pytest.approx(0.5, abs=0.2), (
        "half as many at an edge, as in W&B"
    )


@pytest.mark.parametrize(
    ("born", "field"),
    [
        (lambda: Uniform(1.0, 1.0), "max"),
        (lambda: Uniform(0.0, math.inf), "max"),
        (lambda: Uniform(0.0, 1.0, 0.3), "step"),
        (lambda: Uniform(0.0, 1.0, -0.5), "step"),
        (lambda: Uniform(0.0, 1.0, log=True), "min"),
        (lambda: Uniform(1.0, 2.0, 0.5, log=True), "step"),
        (lambda: Int(1, 10, 2), "step"),
        (lambda: Int(0, 10, log=True), "min"),
        (lambda: Int(True, 10), "min"),
        (lambda: Choice(()), "values"),
        (lambda: Choice((1, 1)), "values"),
        (lambda: Choice((1, 2), (0.5, 0.4)), "probabilities"),
        (lambda: Choice((1, 2), (1.5, -0.5)), "probabilities"),
        (lambda: Normal(0.0, 0.0), "sigma"),
        (lambda: Normal(0.0, 1.0, low=50.0), "max"),
        (lambda: Normal(0.0, 1000.0, log=True), "sigma"),
        (lambda: Beta(0.0, 1.0), "a"),
        (lambda: Rounded(Uniform(0.0, 1.0), 0), "q"),
        (lambda: Rounded(Uniform(0.0, 1.0), 9), "q"),
    ],
)
def test_impossible_domains_are_refused_at_birth(born: Any, field: str) -> None:
    with pytest.raises(DomainFault) as caught:
        born()
    assert caught.value.field == field


def test_a_step_is_judged_as_written_in_decimals() -> None:
    assert Uniform(0.0, 0.3, 0.1).grid()[-1] == 0.3
    with pytest.raises(DomainFault, match=r"max: 480 or 512 would do"):
        Int(32, 500, 32)


def test_domains_read_like_prose() -> None:
    said = {name: str(domain) for name, domain in DOMAINS.items()}
    assert said["log"] == "1e-05 to 0.1, log scale"
    assert said["int step"] == "32 to 512, whole in steps of 32"
    assert said["weighted"] == "one of 16 (0.2), 32 (0.5), 64 (0.3)"
    assert said["cut normal"] == "normal, mu 0.5, sigma 0.5, cut to 0 .. 0.9"
    assert {name for name, domain in DOMAINS.items() if domain.log} == {"log", "int log", "log-normal", "q_log"}


@pytest.mark.parametrize(("low", "log"), [(0, False), (1, True), (-LARGEST, False)])
def test_the_values_of_a_count_lie_in_a_range_of_64_bits(low: int, log: bool) -> None:
    domain = Int(low, LARGEST, log=log, count=5)
    assert domain.grid()[0] == low or abs(low) > EXACT
    for value in domain.grid():
        assert domain.contains(value) and domain.to_value(float(domain.to_internal(value))) == value
