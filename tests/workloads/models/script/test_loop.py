"""Legs of scripts, in this process: what a lane does with them, without Ray."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from search_spaces.criteria.constraints import Constraint, Criteria
from search_spaces.race.legs import Leg, Member, MemberEpoch
from search_spaces.spec.keys.command import Command, Steps
from search_spaces.types.failure import ScriptFailed
from search_spaces.types.objective import Objective
from workloads.data.search_data import no_data
from workloads.legs import checkpoint
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.script import running
from workloads.models.script.start import forget

V = "val_acc"
FAST = ("${interpreter}", "-S", "${program}", "${args}")
"""Without site-packages: Python starts in a third of the time."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., LegRunner]:
    monkeypatch.chdir(tmp_path)
    forget()

    def begin(program: str, **given: object) -> LegRunner:
        (tmp_path / "train.py").write_text(dedent(program))
        command = Command(program="train.py", words=FAST, **given)  # type: ignore[arg-type]
        objective = Objective(V, "maximize")
        setting = LegSetting("script", objective, str(tmp_path / "checkpoints"), device="cpu", command=command)
        return LegRunner(setting, no_data())

    return begin


def leg(stop: int, horizon: int = 0, start: int = 0, uri: str | None = None, **params: object) -> Leg:
    member = Member(trial=3, seed=7, params=params, checkpoint=uri)  # type: ignore[arg-type]
    return Leg(id=0, start=start, stop=stop, horizon=horizon or stop, members=(member,))


def trained(runner: LegRunner, leg: Leg, most: int = 99) -> list[MemberEpoch]:
    runner.start(leg)
    found = list[MemberEpoch]()
    while not runner.done and len(found) < most:
        found += runner.epoch()
    return found


def values(epochs: Sequence[MemberEpoch]) -> dict[int, float]:
    return {epoch.epoch: epoch.metrics[V] for epoch in epochs}


PRINTS = """
    import sys
    for epoch in range({epochs}):
        print(f"epoch={{epoch}} val_acc={{epoch / 10}}", flush=True)
"""


def test_a_script_is_trained_to_its_end_and_nothing_of_it_stays(run: Callable[..., LegRunner]) -> None:
    runner = run(PRINTS.format(epochs=3))
    found = trained(runner, leg(3))
    assert values(found) == {1: 0.0, 2: 0.1, 3: 0.2} and [e.finished for e in found] == [False, False, True]
    (saved,) = runner.save(over=True)
    assert (saved.epoch, saved.uri) == (3, None)
    (a,) = runner.ended
    temporary = a.loop._run.temporary  # type: ignore[attr-defined]
    assert temporary.exists()
    runner.leave()
    deadline = time.monotonic() + 30
    while temporary.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert runner.take_messages() == []


def test_one_that_ends_before_the_last_epoch_is_done_there(run: Callable[..., LegRunner]) -> None:
    runner = run(PRINTS.format(epochs=2))
    found = trained(runner, leg(10))
    assert (values(found), found[-1].finished) == ({1: 0.0, 2: 0.1}, True)
    assert [(saved.epoch, saved.uri) for saved in runner.save(over=True)] == [(2, None)]


def test_one_that_goes_on_behind_the_last_epoch_is_ended(run: Callable[..., LegRunner]) -> None:
    runner = run(PRINTS.format(epochs=3) + "    import time\n    time.sleep(99)\n")
    found = trained(runner, leg(2))
    assert values(found) == {1: 0.0, 2: 0.1} and not found[-1].finished
    pid = runner.aboard[0].loop._run._child.pid  # type: ignore[attr-defined]
    runner.leave()
    assert not psutil.pid_exists(pid)


def test_what_it_gets(run: Callable[..., LegRunner]) -> None:
    program = """
        import json, os, sys
        params = json.load(open(os.environ["PACELINE_PARAMS"]))
        assert params == {"lr": 0.1, "opt": {"name": "sgd"}}, params
        assert sys.argv[1:] == ["--lr=0.1", "--opt.name=sgd"], sys.argv
        names = "TRIAL", "SEED", "EPOCHS", "PURPOSE"
        assert [os.environ["PACELINE_" + name] for name in names] == ["t003", "7", "5", "search"]
        assert "PACELINE_CHECKPOINT" not in os.environ
        assert os.path.exists("train.py")
        with open(os.environ["PACELINE_REPORTS"], "a") as file:
            print(json.dumps({"metrics": {"val_acc": 0.5, "words": "none"}, "step": None}), file=file)
        print("val_acc=0.1")
    """
    runner = run(program, nested={"opt.name": ("opt", "name")})
    assert values(trained(runner, leg(5, lr=0.1, **{"opt.name": "sgd"}))) == {1: 0.5}
    assert any("what the script reports" in told for told in runner.take_messages())


def test_what_is_measured_behind_the_last_epoch_is_of_that_one(run: Callable[..., LegRunner]) -> None:
    program = f"{PRINTS.format(epochs=2)}    print('epoch=9 test_acc=0.7 loss=0.1')\n"
    found = trained(run(program.replace("import sys", "import sys; print('loss=0.5')")), leg(10))
    assert values(found) == {1: 0.0, 2: 0.1}
    assert found[-1].finished and found[-1].metrics["test_acc"] == 0.7


@pytest.mark.parametrize("ends", [True, False])
def test_what_comes_behind_the_last_epoch_with_a_later_number_is_of_it(
    run: Callable[..., LegRunner], ends: bool
) -> None:
    behind = "    print('epoch=3 test_acc=0.7', flush=True)\n    import time; time.sleep(0.2)\n"
    more = "" if ends else "    print('epoch=3 val_acc=0.9', flush=True)\n    time.sleep(99)\n"
    found = trained(run(f"{PRINTS.format(epochs=3)}{behind}{more}"), leg(3))
    assert values(found) == {1: 0.0, 2: 0.1, 3: 0.2}
    assert not ends or found[-1].metrics["test_acc"] == 0.7


def test_the_first_value_of_a_line_counts_and_it_is_said_once(run: Callable[..., LegRunner]) -> None:
    runner = run(PRINTS.format(epochs=2).replace("/ 10}", "/ 10} best val_acc={epoch + 7} f1=nan"))
    assert values(trained(runner, leg(9))) == {1: 0.0, 2: 0.1}
    told = "val_acc stands more than once in a line that is printed: the first value counts"
    assert runner.take_messages().count(told) == 1
    trained(runner, leg(9))
    assert runner.take_messages() == []


def test_a_metric_that_decides_is_of_its_epoch_where_it_comes_behind_a_pause(
    run: Callable[..., LegRunner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "QUIET_S", 0.0)
    program = """
        import time
        for epoch in (1, 2):
            print(f"epoch={epoch} val_acc={epoch / 10}", flush=True)
            time.sleep(0.2)
            print(f"f1={epoch / 5}", flush=True)
    """
    runner = run(program)
    criteria = Criteria(constraints=(Constraint(metric="f1", max=1.0),), sparse=True)
    runner.setting = replace(runner.setting, criteria=criteria)
    found = trained(runner, leg(9))
    assert {epoch.epoch: epoch.metrics["f1"] for epoch in found} == {1: 0.2, 2: 0.4}
    assert all("peak_memory_mib" not in epoch.metrics and "training_s" in epoch.metrics for epoch in found)


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("print('loss=0.5 f1=0.1')", "train.py ended without reporting val_acc; it logged: loss, f1"),
        ("pass", "train.py ended without reporting val_acc; it logged: nothing"),
        ("print('val_acc=0.1')\n1 / 0", "train.py ended with exit code 1: ZeroDivisionError: division by zero"),
        ("import os; os.kill(os.getpid(), 11)", "train.py was killed by SIGSEGV: it printed nothing"),
        ("import os; os._exit(3)", "train.py ended with exit code 3: it printed nothing"),
        ("import sys; sys.exit('bad day')", "train.py ended with exit code 1: bad day"),
        ("import nothing_of_this_name", "exit code 1: ModuleNotFoundError: No module named 'nothing_of_this_name'"),
    ],
)
def test_how_it_fails_is_told_in_a_sentence(run: Callable[..., LegRunner], program: str, told: str) -> None:
    with pytest.raises(ScriptFailed, match=told.replace("(", r"\(")) as raised:
        trained(run(program), leg(3))
    assert str(raised.value).endswith(told)


def test_one_with_the_real_wandb_is_told_that_its_log_is_not_read(run: Callable[..., LegRunner]) -> None:
    with pytest.raises(ScriptFailed, match=r"logged: nothing; .* what wandb[.]log gets is not read"):
        trained(run("pass", wandb="real"), leg(3))


def test_a_program_that_cannot_be_started(run: Callable[..., LegRunner], tmp_path: Path) -> None:
    runner = run("")
    command = Command(words=("no-such-program", "${args}"))
    runner.setting = LegSetting("script", runner.setting.objective, str(tmp_path), device="cpu", command=command)
    with pytest.raises(
        ScriptFailed, match="no-such-program cannot be started: No such file or directory: no-such-program"
    ):
        trained(runner, leg(3))


def test_a_value_that_is_no_number_is_divergence(run: Callable[..., LegRunner]) -> None:
    runner = run("import time\nprint('val_acc=nan', flush=True)\ntime.sleep(99)")
    (found,) = trained(runner, leg(3))
    assert found.failure is not None and found.failure.kind == "diverged"


def test_rungs_are_in_the_unit_of_its_steps(run: Callable[..., LegRunner]) -> None:
    program = "for step in range(100, 500, 100):\n    print(f'global_step={step} val_acc={step / 1000}')"
    runner = run(program, steps=Steps(name="global_step", most=400))
    assert values(trained(runner, leg(400))) == {100: 0.1, 200: 0.2, 300: 0.3, 400: 0.4}


def test_it_is_ended_while_an_epoch_takes_long(run: Callable[..., LegRunner]) -> None:
    runner = run("import time\nprint('val_acc=0.1', flush=True)\ntime.sleep(99)")
    begun, ended = time.monotonic(), list[bool]()
    runner.stopped = lambda: bool(ended)
    runner.start(leg(3))
    assert values(runner.epoch()) == {1: 0.1}
    ended.append(True)
    assert runner.epoch() == [] and not runner.done
    assert runner.save(over=True) == []
    runner.leave()
    assert time.monotonic() - begun < 60


SAVES = """
    import os, pathlib, sys, time
    folder = pathlib.Path(os.environ["PACELINE_CHECKPOINT"])
    saved = folder / "sub" / "epoch"
    done = int(saved.read_text()) if saved.exists() else 0
    saved.parent.mkdir(exist_ok=True)
    if not done:
        (folder / "latest").symlink_to("removed since")
    for epoch in range(done + 1, 7):
        time.sleep(0.05)
        new = saved.with_suffix(".new")
        new.write_text(str(epoch))
        new.replace(saved)
        print(f"epoch={epoch} val_acc={epoch / 10} from={done}", flush=True)
"""


def test_one_that_saves_goes_on_from_what_it_has_saved(run: Callable[..., LegRunner]) -> None:
    runner = run(SAVES, checkpoint=True)
    assert values(trained(runner, leg(2, 6))) == {1: 0.1, 2: 0.2}
    (saved,) = runner.save(over=True)
    runner.leave()
    assert saved.uri is not None and checkpoint.valid(saved.uri)
    assert Path(saved.uri, "files", "sub", "epoch").read_text() == "2"
    found = trained(runner, leg(6, start=2, uri=saved.uri))
    assert values(found) == {3: 0.3, 4: 0.4, 5: 0.5, 6: 0.6} and {e.metrics["from"] for e in found} == {2}
    runner.leave()


def test_what_it_saves_as_it_is_told_to_end_counts(run: Callable[..., LegRunner]) -> None:
    program = """
        import os, pathlib, signal, sys, time
        saved = pathlib.Path(os.environ["PACELINE_CHECKPOINT"], "epoch")
        epoch = int(saved.read_text()) if saved.exists() else 0
        def end(*_):
            saved.write_text(str(epoch))
            sys.exit()
        signal.signal(signal.SIGTERM, end)
        while True:
            epoch += 1
            print(f"epoch={epoch} val_acc={epoch / 10}", flush=True)
            time.sleep(0.2)
    """
    runner = run(program, checkpoint=True)
    assert values(trained(runner, leg(2, 6))) == {1: 0.1, 2: 0.2}
    (saved,) = runner.save(over=True)
    runner.leave()
    assert values(trained(runner, leg(4, 6, 2, saved.uri))) == {3: 0.3, 4: 0.4}
    runner.leave()


def test_what_a_killed_one_has_saved_without_a_number_counts_on(run: Callable[..., LegRunner]) -> None:
    program = SAVES.replace("epoch={epoch} ", "").replace("{epoch / 10} from={done}", "{epoch / 10}")
    runner = run(program, checkpoint=True)
    trained(runner, leg(3, 6))
    (saved,) = runner.save()  # in between, as every few seconds; then the lane is killed
    again = run(program, checkpoint=True)
    assert values(trained(again, leg(6, start=3, uri=saved.uri))) == {4: 0.4, 5: 0.5, 6: 0.6}
    runner.leave()
    again.leave()


LOGS_LATER = """
    import json, os, time
    for epoch in (1, 2, 3):
        print("val_acc=0.9", flush=True)
        time.sleep(0.3 if epoch == 1 else 0.0)
        with open(os.environ["PACELINE_REPORTS"], "a") as file:
            print(json.dumps({"metrics": {"val_acc": epoch / 10}}), file=file)
"""


def test_a_better_source_counts_as_soon_as_it_has_the_metric(
    run: Callable[..., LegRunner], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SETTLE_S", "QUIET_S", "LONG_QUIET_S"):
        monkeypatch.setattr(running, name, 0.0)
    runner = run(LOGS_LATER)
    assert values(trained(runner, leg(9))) == {1: 0.9, 2: 0.2, 3: 0.3}
    behind = "from epoch 2 on, and no longer from what the script prints"
    assert any(behind in told for told in runner.take_messages())
    assert values(trained(runner, leg(9))) == {1: 0.1, 2: 0.2, 3: 0.3}, "later trials of the process know it"
    assert runner.take_messages() == []


AHEAD = """
    import os, pathlib
    saved = pathlib.Path(os.environ["PACELINE_CHECKPOINT"], "epoch")
    done = int(saved.read_text()) if saved.exists() else 0
    for epoch in range(done + 1, 7):
        saved.write_text(str(epoch))
        print(f"epoch={epoch} val_acc={epoch / 10} from={done}", flush=True)
        WAIT
    print(f"test_acc={epoch / 20}")  # an error where there was nothing to train
"""


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("most", [4, 6])
def test_one_that_is_further_than_the_epoch_that_is_told_has_its_epochs_once(
    run: Callable[..., LegRunner], monkeypatch: pytest.MonkeyPatch, numbered: bool, most: int
) -> None:
    monkeypatch.setattr(running, "SHORT_SETTLE_S", 0.3)  # all of its epochs come before it is halted
    program = AHEAD.replace("WAIT", f"epoch == {most} and __import__('time').sleep(99)" if most < 6 else "pass")
    program = program if numbered else program.replace("epoch={epoch} ", "")
    runner = run(program, checkpoint=True)
    assert values(trained(runner, leg(2, 6))) == {1: 0.1, 2: 0.2}
    (saved,) = runner.save(over=True)
    assert any("counted once too often" in text for text in runner.take_messages()) is not numbered
    runner.leave()
    assert saved.uri is not None and Path(saved.uri, "files", "epoch").read_text() == str(most)
    if numbered and most == 4:
        others = trained(runner, leg(5, 6, 2, saved.uri, lr=0.5))
        assert values(others) == {5: 0.5}, "with other values, what was trained with these is not known"
        runner.leave()
    assert values(trained(runner, leg(3, 6, 2, saved.uri))) == {3: 0.3}, "known, and not trained again"
    (again,) = runner.save(over=True)
    runner.leave()
    found = trained(run(program.replace("sleep(99)", "sleep(0)"), checkpoint=True), leg(6, 6, 3, again.uri))
    assert values(found) == {4: 0.4, 5: 0.5, 6: 0.6}
    assert [e.metrics["from"] for e in found] == ([0, 4, 4] if most == 4 else [0, 0, 0])
    assert found[-1].metrics.get("test_acc") == 0.3 and found[-1].finished


def test_one_that_has_nothing_left_to_train_is_done(run: Callable[..., LegRunner]) -> None:
    program = SAVES.replace("range(done + 1, 7)", "range(done + 1, 3)") + "    time.sleep(99 * (done == 0))\n"
    runner = run(program, checkpoint=True)
    assert values(trained(runner, leg(2, 6))) == {1: 0.1, 2: 0.2}
    (saved,) = runner.save(over=True)
    runner.leave()
    found = trained(runner, leg(6, start=2, uri=saved.uri))
    assert values(found) == {2: 0.2} and found[-1].finished
    done = "train.py went on from what it had saved, and ended without another val_acc: it is done with epoch 2"
    assert done in runner.take_messages()
    runner.leave()


def test_one_that_has_saved_nothing_is_trained_again_and_is_not_left_halted(run: Callable[..., LegRunner]) -> None:
    runner = run("    import time\n" + PRINTS.format(epochs=6) + "        time.sleep(0.05)\n", checkpoint=True)
    assert values(trained(runner, leg(2, 6))) == {1: 0.0, 2: 0.1}
    (saved,) = runner.save(over=True)
    runner.leave()
    assert values(trained(runner, leg(4, 6, 2, saved.uri))) == {3: 0.2, 4: 0.3}
    runner.leave()


@pytest.mark.parametrize(("where", "kept"), [("time.sleep(0.05)", 2), ("new = saved", None)])
def test_one_that_saves_is_ended_amid_an_epoch_where_it_takes_long(
    run: Callable[..., LegRunner], where: str, kept: int | None
) -> None:
    wait = where if kept else "print(f"  # before it saves epoch 3, or behind it
    runner = run(SAVES.replace(wait, f"time.sleep(99 * (epoch == 3)); {wait}"), checkpoint=True)
    begun, ended = time.monotonic(), list[bool]()
    runner.stopped = lambda: bool(ended)
    runner.start(leg(6))
    assert values([*runner.epoch(), *runner.epoch()]) == {1: 0.1, 2: 0.2}
    ended.append(True)
    time.sleep(0.0 if kept else 0.5)
    assert runner.epoch() == [] and not runner.done
    saved = runner.save(over=True)
    assert [one.epoch for one in saved] == ([] if kept is None else [kept])
    runner.leave()
    assert time.monotonic() - begun < 60


def test_what_is_no_file_is_passed_over_in_its_folder(run: Callable[..., LegRunner]) -> None:
    odd = "os.mkfifo(folder / 'pipe'); (folder / 'sub' / 'above').symlink_to('..')"
    runner = run(SAVES.replace('(folder / "latest")', f"{odd}; (folder / 'latest')"), checkpoint=True)
    assert values(trained(runner, leg(2, 6))) == {1: 0.1, 2: 0.2}
    (saved,) = runner.save(over=True)
    told = "in PACELINE_CHECKPOINT is neither a file nor a folder, and is not kept"
    assert [text for text in runner.take_messages() if "PACELINE" in text] == [f"pipe {told}", f"above {told}"]
    assert saved.uri is not None and Path(saved.uri, "files", "sub", "epoch").read_text() == "2"
    runner.leave()


AUTOLOG = """
    import argparse, mlflow
    from sklearn.linear_model import LogisticRegression
    parser = argparse.ArgumentParser()
    parser.add_argument("--C", type=float)
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    LogisticRegression(C=parser.parse_args().C).fit(x, y)
    with mlflow.start_run():
        mlflow.log_metric("training_score", 0.0)
"""


def test_what_autologging_logs_is_of_the_trial(run: Callable[..., LegRunner]) -> None:
    runner = run(AUTOLOG)
    words = tuple(word for word in FAST if word != "-S")
    command = Command(program="train.py", words=words)
    runner.setting = replace(runner.setting, objective=Objective("training_score", "maximize"), command=command)
    found = trained(runner, leg(1, C=0.5))
    assert {epoch.epoch: epoch.metrics["training_score"] for epoch in found} == {1: 1.0}
    assert found[-1].metrics["training_roc_auc"] == 1.0
    runner.save(over=True)
    kept = {exhibit.path: base64.b64decode(exhibit.content) for exhibit in runner.logged(over=True)}
    logged = json.loads(kept["mlflow.json"])
    assert (logged["params"]["C"], logged["tags"]["estimator_name"]) == ("0.5", "LogisticRegression")
    assert "estimator.html" in kept
    assert sum("further runs of MLflow" in told for told in runner.take_messages()) == 1


def test_with_the_real_wandb_its_config_is_the_trials_and_what_is_printed_counts(
    run: Callable[..., LegRunner], monkeypatch: pytest.MonkeyPatch
) -> None:
    python = os.environ.get("PACELINE_WANDB_PYTHON")
    if python is None:
        pytest.skip("PACELINE_WANDB_PYTHON names no Python that has wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    program = """
        import wandb
        wandb.init(project="p", config={"lr": 0.5, "epochs": 2})
        assert "wandb_shim" not in wandb.__file__ and wandb.config.opt["name"] == "sgd", wandb.config
        for epoch in range(wandb.config.epochs):
            wandb.log({"val_acc": 0.9})
            OUT(f"epoch={epoch} val_acc={wandb.config.lr * epoch}")
    """
    for out in ("print", "str"):
        runner = run(program.replace("OUT", out), wandb="real", nested={"opt.name": ("opt", "name")})
        assert runner.setting.command is not None
        command = runner.setting.command.model_copy(update={"words": (python, "${program}")})
        runner.setting = replace(runner.setting, command=command)
        if out == "print":
            assert values(trained(runner, leg(9, lr=0.1, **{"opt.name": "sgd"}))) == {1: 0.0, 2: 0.1}
        else:
            with pytest.raises(ScriptFailed, match=r"what wandb[.]log gets is not read"):
                trained(runner, leg(9, lr=0.1, **{"opt.name": "sgd"}))
