"""What ``check`` says of scripts whose length nobody knows."""

from __future__ import annotations

from pathlib import Path

from cluster.terminal.plans.script_lines import told
from search_spaces.race.search import sweep_schedule
from tests.helpers.spec_texts import parsed

SPEC = """\
program: train.py
metric: {name: val_acc, goal: maximize}
parameters: {lr: {min: 0.1, max: 0.2}}
"""


def test_the_first_rungs_are_told_and_no_number_of_trials_that_come_so_far(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import wandb\n")
    lines = {}
    for rule in ("{type: hyperband, min_iter: 2}", "{type: hyperband, max_iter: 16, s: 2, eta: 2}"):
        sweep = parsed(f"{SPEC}early_terminate: {rule}\n", base=tmp_path)
        lines = told(sweep.model_copy(update={"folder": str(tmp_path)}), 6, sweep_schedule(sweep).rungs)
        assert lines["trials"] == "6, each until its script ends"
        assert lines["metrics"] == "val_acc from wandb.log, as its program imports wandb"
        first = "2, 6, 18, 54, ..." if "min_iter" in rule else "4, 8"
        eta = 3 if "min_iter" in rule else 2
        wanted = f"after {first} reports of val_acc one of {eta} goes on, of those that came so far"
        assert lines["early stop"] == wanted
    assert lines["note"] == "early_terminate: max_iter 16 and s 2 are {min_iter: 4, eta: 2}, up to 8"
    assert "early stop" not in told(parsed(SPEC, base=tmp_path), 6, (100_000,))
    ranks = parsed(f"{SPEC}resources: {{workers: 2}}\n", base=tmp_path)
    assert told(ranks, 6, (100_000,))["metrics"].startswith("val_acc of rank 0 from the lines that it prints")
