"""What ``check`` says of scripts whose length nobody knows."""

from __future__ import annotations

from pathlib import Path

from cluster.terminal.plans.preview import document, preview
from cluster.terminal.plans.script_lines import told
from search_spaces.race.search import sweep_schedule
from search_spaces.space.hyperparameters import Open
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
        wanted = f"after {first} reports of val_acc one of {eta} continues, of those that came so far"
        assert lines["early stop"] == wanted
    assert lines["final"] == "none (final: {top: 3, seeds: 5} has the best judged by test_acc)"
    assert lines["note"] == "early_terminate: max_iter 16 and s 2 are {min_iter: 4, eta: 2}, up to 8"
    assert "early stop" not in told(parsed(SPEC, base=tmp_path), 6, (100_000,))
    ranks = parsed(f"{SPEC}resources: {{workers: 2}}\n", base=tmp_path)
    assert told(ranks, 6, (100_000,))["metrics"].startswith("val_acc of rank 0 from the lines that it prints")


def test_json_has_no_last_rung_where_nobody_knows_it(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    rule = "early_terminate: {type: asha, min_iter: 2}\n"
    wanted = {"": (None, None), "epochs: 6\n": (6, 36)}
    for length, (last, epochs) in wanted.items():
        sweep = parsed(f"{SPEC}trials: 6\n{length}{rule if not length else ''}", base=tmp_path)
        told = document(sweep, preview(sweep, 1, Open))
        assert (told["rungs"][-1], told["epochs"], told["epochs_with_all_seeds"]) == (last, epochs, epochs)
        assert length or told["rungs"][:3] == [2, 6, 18]


def test_what_the_real_wandb_logs_is_said_not_to_be_read(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import wandb\n")
    sweep = parsed(f"{SPEC}wandb: real\n", base=tmp_path).model_copy(update={"folder": str(tmp_path)})
    assert "what wandb.log gets is not read" in told(sweep, 6, (100_000,))["metrics"]
