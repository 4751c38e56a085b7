"""A script's arguments as the parameters of a spec, read from its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.spec.starting.script import script_spec, searched
from search_spaces.spec.starting.script_source import read_script
from search_spaces.spec.sweep import parse_sweep
from workloads.registry import catalogue

SOURCE = """
\"\"\"Trains a network.

More of it.
\"\"\"
import argparse, wandb
raise SystemExit("it is read, and not run")
p = argparse.ArgumentParser()
p.add_argument("-l", "--lr", type=float, default=0.01, help="learning   rate")
p.add_argument("--batch-size", type=int, default=32)
p.add_argument("--epochs", type=int, default=5)
p.add_argument("--opt", choices=["sgd", "adam"], default="sgd")
p.add_argument("--nesterov", action="store_true")
p.add_argument("--data-dir", default="/data")
p.add_argument("--model", required=True)
args = p.parse_args()
print(args.lr)
wandb.log({"train/loss": 1.0, "val_acc": 0.9, "note": "x"})
report(save=None, val_loss=0.1)
"""


def test_a_spec_searches_around_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(SOURCE)
    script = read_script(path)
    assert script.summary == "Trains a network."
    assert script.metrics[0] == "val_acc" and {"val_loss", "train/loss"} <= set(script.metrics)
    text = script_spec(script, "train.py", "schema.json")
    assert "lr: {min: 0.00333, max: 0.03, log: true}   # learning rate" in text
    assert "# data-dir: /data" in text and "model: VALUE   # the script asks for it" in text
    sweep = parse_sweep(text.replace("VALUE", "small"), "sweep.yaml", tmp_path, catalogue=catalogue())
    assert [*sweep.space.domains] == ["lr", "batch-size", "opt", "nesterov"]
    assert sweep.constants == {"epochs": 5, "model": "small"}
    assert (sweep.metric.name, sweep.metric.goal, sweep.epochs) == ("val_acc", "maximize", 5)
    assert sweep.command is not None and "${args_no_boolean_flags}" in sweep.command.words


def test_what_is_no_python_is_told(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("def (")
    with pytest.raises(ValueError, match=r"is no Python: line 1"):
        read_script(path)


def test_flags_mean_what_argparse_does_with_them(tmp_path: Path) -> None:
    path = tmp_path / "on.py"
    path.write_text(
        "p.add_argument('--bias', action=argparse.BooleanOptionalAction, default=True)\n"
        "p.add_argument('--fast', action=argparse.BooleanOptionalAction, default=False)\n"
        "p.add_argument('--text', type=bool, default=False)\n"
    )
    script = read_script(path)
    ranges = {one.name: searched(one) for one in script.arguments}
    flag = {"values": [False, True]}
    assert ranges == {"no-bias": flag, "fast": flag, "text": None}, "any text is true, and --bias its default"
    text = script_spec(script, "on.py", "schema.json")
    assert parse_sweep(text, "sweep.yaml", tmp_path, catalogue=catalogue()).name == "on"


def test_arguments_by_place_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(
        "p.add_argument('folder')\np.add_argument('more', nargs='*')\np.add_argument('--lr', default=0.1)\n"
    )
    text = script_spec(read_script(path), "train.py", "schema.json")
    assert "command: [python, '${program}', FOLDER, '${args}']   # put in its folder" in text
    sweep = parse_sweep(text, "sweep.yaml", tmp_path, catalogue=catalogue())
    assert sweep.command is not None and sweep.command.words[2] == "FOLDER"
