"""Hyperparameters that have no effect beside the values of others are told; two that say the same are refused."""

from __future__ import annotations

import pytest

from cluster.terminal.plans.preview import document, lines, preview
from search_spaces.space.hyperparameters import hyperparameters
from search_spaces.space.idle import idle
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.types.faults import SpecError
from workloads.registry import WORKLOADS, catalogue, workload


def swept(parameters: str, name: str = "mlp") -> Sweep:
    text = f"workload: {name}\ndata: {{name: digits}}\nparameters: {parameters}\n"
    return parse_sweep(text, "sweep.yaml", None, catalogue=catalogue())


def told(sweep: Sweep) -> dict[str, str]:
    return idle(hyperparameters(workload(sweep.workload).hyperparameters), sweep.space, sweep.constants)


@pytest.mark.parametrize(
    ("parameters", "reasons"),
    [
        ("{lr_rise: 0.2}", {"lr_rise": "only with lr_schedule: one_cycle"}),
        ("{lr_schedule: one_cycle, lr_rise: {min: 0.1, max: 0.4}}", {}),
        (
            "{optimizer: sgd, alpha: {min: 0.9, max: 0.99}, eps: 1e-6}",
            {
                "alpha": "only with optimizer: rmsprop",
                "eps": "only with optimizer: adagrad or rmsprop or adam or adamw",
            },
        ),
        (
            "{lr_schedule: {values: [step, linear, cosine]}, lr_floor: {min: 0, max: 0.5}, lr_factor: 0.3}",
            {
                "lr_floor": "only with lr_schedule: linear or cosine or cyclic or reduce_on_plateau, "
                "so add when: {lr_schedule: [linear, cosine]}"
            },
        ),
        (
            "{lr_schedule: {values: [step, cosine]}, lr_floor: {min: 0, max: 0.5, when: {lr_schedule: cosine}}}",
            {},
        ),
    ],
)
def test_what_has_no_effect_is_told(parameters: str, reasons: dict[str, str]) -> None:
    assert told(swept(parameters)) == reasons


def test_a_check_tells_them_in_one_line() -> None:
    sweep = swept("{lr: {min: 0.001, max: 0.1}, lr_rise: 0.2, init_gain: 2, beta2: 0.9}")
    plan = preview(sweep, 1, workload("mlp").hyperparameters)
    assert (
        "no effect   lr_rise (only with lr_schedule: one_cycle); "
        "init_gain (only with init: he or xavier or orthogonal or normal)"
    ) in lines(sweep, plan)
    assert document(sweep, plan)["no_effect"]["lr_rise"] == "only with lr_schedule: one_cycle"


@pytest.mark.parametrize("name", WORKLOADS)
def test_default_spaces_hold_nothing_that_has_no_effect(name: str) -> None:
    known = hyperparameters(workload(name).hyperparameters)
    for hp in known.values():
        for other, values in hp.when.items():
            assert set(values) < set(known[other].choices or ()), (hp.name, other)
        assert not hp.instead_of or hp.instead_of in known
    if "image" in workload(name).problems:
        text = f"workload: {name}\ndata: {{name: digits}}\n"
        assert not told(parse_sweep(text, "sweep.yaml", None, catalogue=catalogue()))


@pytest.mark.parametrize("second", ["0.1", "{min: 0.0, max: 0.2}"])
def test_two_that_say_the_same_are_refused_together(second: str) -> None:
    with pytest.raises(SpecError) as caught:
        swept(f"{{warmup_epochs: 1, warmup_share: {second}}}")
    (fault,) = caught.value.faults
    assert fault.path == "parameters.warmup_share"
    assert fault.rule == "is given instead of warmup_epochs, not beside it: leave one of the two out"
    assert swept(f"{{warmup_epochs: 0, warmup_share: {second}}}")
