"""Formats what a sweep leaves and what it took: its model, the parts of its time, failures, lost checkpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from cluster.terminal import formatting
from search_spaces.types.trial_names import trial_name

PARTS: Final = {
    "start": "start",
    "data": "data",
    "training": "training",
    "waiting": "idle workers",
    "champion": "baselines, tests and champion",
    "logging": "results",
}
"""Words for the parts of ``cost.parts``."""
NAMED_TRIALS: Final = 12
"""Largest number of trials that are named."""
LEAST_S: Final = 0.95
"""Parts that took less are left out."""


def leak_lines(leaks: Sequence[str]) -> list[Text]:
    """Return a red line for each way in which the data gives its test split away."""
    return [Text(f"leak: {text}", "bold red") for text in leaks]


def model_line(document: Mapping[str, Any]) -> Text | None:
    """Return a line with the URI of the champion's model; None where there is none."""
    return Text().append("model ", "bright_black").append(uri) if (uri := document.get("model")) else None


def time_line(document: Mapping[str, Any]) -> Text | None:
    """Return a line on where the time of all drivers went, largest part first; None where that is unknown."""
    parts = (document.get("cost") or {}).get("parts") or {}
    told = sorted(((spent, name) for name, spent in parts.items() if spent >= LEAST_S), reverse=True)
    if not told:
        return None
    words = ", ".join(f"{PARTS.get(name, name)} {formatting.span(spent)}" for spent, name in told)
    return Text().append("time  ", "bright_black").append(words)


def failures_line(num_given_up: int, most: int | None) -> Text | None:
    """Return a red line where more trials were given up than ``most``, `max_failed_trials`; else None."""
    if most is None or num_given_up <= most:
        return None
    failed = f"{formatting.count(num_given_up, 'trial')} failed after the last retry"
    told = f"{failed}, more than max_failed_trials ({most}): exit code 3"
    return Text(told, "bold red")


def not_kept_lines(found: Mapping[str, Any] | None) -> list[Text]:
    """Return a line on checkpoints that could not be written: how many, why, and what that costs."""
    if not found:
        return []
    resumes, ended = found["resumes_at"], found["ended"]
    starts: dict[int, list[int]] = defaultdict(list)
    for number, epoch in resumes.items():
        starts[epoch].append(int(number))
    costs = [
        f"a resume begins {named(trials)} {f'after epoch {epoch}' if epoch else 'anew'}"
        for epoch, trials in sorted(starts.items())
    ]
    costs += [f"the weights of {named(ended)} are not there"] if ended else []
    of_whom = formatting.count(len(resumes) + len(ended), "trial")
    return [Text(f"checkpoints of {of_whom} were not kept ({found['reason']}): {'; '.join(costs)}", "red")]


def named(numbers: Sequence[int]) -> str:
    """Return the names of trials, at most ``NAMED_TRIALS``."""
    return ", ".join(map(trial_name, numbers[:NAMED_TRIALS])) + (", …" if len(numbers) > NAMED_TRIALS else "")
