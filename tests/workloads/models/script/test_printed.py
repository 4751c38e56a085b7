"""Metrics in what scripts print."""

from __future__ import annotations

import math

import pytest

from workloads.models.script.printed import Printed


def found(text: str, pattern: str | None = None) -> dict[str, float]:
    printed = Printed(pattern, ["val_acc"])
    printed.line(text)
    return {name: value for report in printed.new() for name, value in report.metrics.items()}


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("epoch=3 val_acc=0.91", {"epoch": 3, "val_acc": 0.91}),
        ("INFO:root:epoch=3, val_acc = 91%", {"epoch": 3, "val_acc": 91}),
        ("val_acc=1e-3 val/loss=-.5", {"val_acc": 1e-3, "val/loss": -0.5}),
        ('{"epoch": 3, "val_acc": 0.91, "done": true, "who": "me"}', {"epoch": 3, "val_acc": 0.91}),
        ('{"epoch": 3, "val": {"acc": 0.91}}', {"epoch": 3, "val.acc": 0.91}),
        ("{'val_acc': 0.91, 'epoch': 1.0}", {"val_acc": 0.91, "epoch": 1.0}),
        ("{'val_acc': '0.91'}", {"val_acc": 0.91}),
        ("Namespace(lr=0.1, epochs=10)", {}),
        ("\x1b[32mINFO\x1b[0m \x1b[1;32mval_acc=0.5\x1b[0m", {"val_acc": 0.5}),
        ("val_acc=0.3 (best val_acc=0.9)", {"val_acc": 0.3}),
        ("val_acc=high", {}),
        ("val_acc=0.5.1", {}),
        ("val_acc=1,234.5", {}),
        ("val_acc=1,f1=2, auc=3,", {"val_acc": 1, "f1": 2, "auc": 3}),
        ("{broken", {}),
        ("no metric here", {}),
    ],
)
def test_metrics_of_a_line(text: str, metrics: dict[str, float]) -> None:
    assert found(text) == metrics


def test_not_a_number_and_infinity_are_values() -> None:
    assert math.isnan(found("val_acc=nan")["val_acc"])
    assert found("val_acc=-inf") == {"val_acc": -math.inf}


def test_a_pattern_of_the_spec() -> None:
    assert found("[7] acc: 0.5", r"\[(?P<epoch>\d+)\] acc: (?P<val_acc>\S+)") == {"epoch": 7, "val_acc": 0.5}
    assert found("val_acc|0.5;f1|0.4", r"(?P<name>\w+)\|(?P<value>[\d.]+)") == {"val_acc": 0.5, "f1": 0.4}
    assert found("epoch=3 val_acc=0.91", r"(?P<val_acc>nothing)") == {}


def test_what_a_progress_bar_shows_again_and_again_is_no_report() -> None:
    printed = Printed(None, ["val_acc"])
    printed.line("Epoch 0:  50%|#####     | 1/2 [00:01, val_acc=0.5]", stays=False)
    assert printed.new() == [] and list(printed.names) == ["val_acc"]
    printed.line("epoch=1 val_acc=0.5", stays=False)
    printed.line("Epoch 0: 100%|##########| 2/2 [00:02, val_acc=0.6]")
    assert [report.metrics["val_acc"] for report in printed.new()] == [0.5, 0.6]


def test_names_of_lines_that_do_not_count_are_known() -> None:
    printed = Printed(None, ["val_acc"])
    printed.line("loss=0.5 lr=0.1")
    assert printed.new() == [] and list(printed.names) == ["loss", "lr"]
