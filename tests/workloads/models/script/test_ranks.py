"""Scripts on two ranks: in each of two processes that are a group, as Ray Train's workers are, one is started."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest

from search_spaces.race.legs import Leg, Member
from search_spaces.spec.keys.command import Command
from search_spaces.types.failure import ScriptFailed
from search_spaces.types.objective import Objective
from tests.helpers.listening import commands
from tests.helpers.two_workers import on_two
from workloads.data.search_data import no_data
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.script.ranks import ranks_run
from workloads.models.script.ranks.looks import Failure, Look, failure
from workloads.models.script.ranks.torchrun import shared_folder
from workloads.training.process_group import ProcessGroup

DDP = """
    import sys
    import torch, torch.distributed as dist
    dist.init_process_group("gloo")
    total = torch.tensor([float(sys.argv[1].partition("=")[2])])
    for epoch in range(3):
        dist.all_reduce(total)
        print(f"epoch={epoch} val_acc={total.item() if dist.get_rank() == 0 else -1}", flush=True)
    dist.destroy_process_group()
"""
TOLD = """
    import json, os
    names = "RANK LOCAL_RANK WORLD_SIZE LOCAL_WORLD_SIZE GROUP_RANK MASTER_ADDR MASTER_PORT TORCHELASTIC_RUN_ID"
    names += " TORCHELASTIC_RESTART_COUNT PACELINE_TRIAL"
    with open("told" + os.environ["RANK"], "a") as file:
        print(json.dumps({name: os.environ[name] for name in names.split()}), file=file)
    import wandb
    wandb.init()
    wandb.log({"val_acc": 0.5 if os.environ["RANK"] == "0" else 7.0})
"""
ENDS = {
    "import os, sys; print('val_acc=0.1'); sys.exit(3 if os.environ['RANK'] == '1' else 0)": (
        "rank 1 of train.py ended with exit code 3: val_acc=0.1"
    ),
    """
    import os, sys, time
    print("val_acc=0.1", flush=True)
    if os.environ["RANK"] == "1":
        print("bad rows", flush=True)
        os._exit(3)
    time.sleep(999)
    """: "rank 1 of train.py ended with exit code 3: bad rows",
    """
    import os, sys, time
    if os.environ["RANK"] == "0":
        sys.exit("Connection closed by peer")
    time.sleep(0.4)
    sys.exit("the reason")
    """: "rank 1 of train.py ended with exit code 1: the reason",
    """
    import os, sys
    if os.environ["RANK"] == "0":
        sys.exit("Connection closed by peer")
    """: (
        "rank 0 of train.py ended with exit code 1: Connection closed by peer "
        "(rank 1 had ended before, with exit code 0)"
    ),
    "import os, time; time.sleep(999 * int(os.environ['RANK'])); print('loss=1')": (
        "rank 0 of train.py ended without reporting val_acc; it logged: loss"
    ),
}


SHARDS = """
    import os, pathlib, time
    folder, rank = pathlib.Path(os.environ["PACELINE_CHECKPOINT"]), int(os.environ["RANK"])
    mine, other = folder / f"part{rank}", folder / f"part{1 - rank}"
    done = int(mine.read_text()) if mine.exists() else 0
    def number(file):
        return int(file.read_text()) if file.exists() else 0
    for epoch in range(done + 1, 7):
        time.sleep(0.02 + 0.1 * rank)
        new = folder / f"new{rank}"
        new.write_text(str(epoch))
        new.replace(mine)
        while number(other) < epoch:
            time.sleep(0.01)
        if rank == 0:
            print(f"epoch={epoch} val_acc={epoch / 10}", flush=True)
            time.sleep(0.05)
    print(f"from {done}", flush=True)
"""
SAVES_AT_THE_END = """
    import os, pathlib, signal, sys, time
    saved = pathlib.Path(os.environ["PACELINE_CHECKPOINT"], "at" + os.environ["RANK"])
    begin = epoch = int(saved.read_text()) if saved.exists() else 0
    def end(*_):
        time.sleep(0.1)
        saved.write_text(str(begin + 2))
        sys.exit()
    signal.signal(signal.SIGTERM, end)
    while True:
        epoch += 1
        print(f"epoch={epoch} val_acc={epoch / 10}", flush=True)
        time.sleep(0.2)
"""
RUNS_ON = """
    import os, time
    if os.environ["RANK"] == "1":
        time.sleep(999)
    print("val_acc=0.4", flush=True)
"""
ENDS_EARLY = """
    import os, time
    if os.environ["RANK"] == "0":
        time.sleep(0.5)
        print("val_acc=0.3", flush=True)
"""
IS_REFUSED = """
    import os, sys, time
    if os.environ["RANK"] == "1":
        time.sleep(0.2)
    elif "MLFLOW_RUN_ID" in os.environ:
        sys.exit("active experiment ID does not match environment run ID")
    print("val_acc=0.2", flush=True)
"""


def runner(folder: Path, group: ProcessGroup, fast: bool = True, **given: Any) -> LegRunner:
    os.chdir(folder)
    words = ("${interpreter}", *(["-S"] if fast else []), "${program}", "${args}")
    command = Command(**{"program": "train.py", "words": words, **given})
    setting = LegSetting("script", Objective("val_acc", "maximize"), str(folder / "saved"), "cpu", command=command)
    return LegRunner(setting, no_data(), group=group)


def leg(stop: int, horizon: int = 0, start: int = 0, uri: str | None = None, **params: Any) -> Leg:
    member = Member(trial=3, seed=7, params=params, checkpoint=uri)
    return Leg(id=0, start=start, stop=stop, horizon=horizon or stop, members=(member,))


def trained(lane: LegRunner, wanted: Leg) -> dict[int, float]:
    lane.start(wanted)
    found = []
    while not lane.done:
        found += lane.epoch()
    return {epoch.epoch: epoch.metrics["val_acc"] for epoch in found}


def scripts() -> list[int]:
    return [process.pid for process, words in commands().items() if "train.py" in words]


def on_each_rank(group: ProcessGroup, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    ranks_run.GRACE_S, ranks_run.FOLLOW_S = 1.0, 3.0

    def program(text: str) -> None:
        group.gathered(None)
        (folder / "train.py").write_text(dedent(text))
        group.gathered(None)

    program(DDP)
    lane = runner(folder, group, fast=False)
    found["ddp"] = trained(lane, leg(9, x=1.0))
    lane.leave()
    program(TOLD)
    lane = runner(folder, group)
    found["told"] = [trained(lane, leg(1)), trained(lane, leg(1))]
    lane.leave()
    for name, text in (("runs on", RUNS_ON), ("early", ENDS_EARLY), ("refused", IS_REFUSED)):
        program(text)
        lane = runner(folder, group)
        found[name] = trained(lane, leg(9)), lane.take_messages(), scripts()
        lane.leave()
    lane = runner(folder, group, words=("${envvar:TOLD_TO_RANK_0}", "${program}"))
    os.environ.update({"TOLD_TO_RANK_0": "true"} if group.first else {})
    with pytest.raises(ScriptFailed) as unable:
        trained(lane, leg(9))
    found["unable"] = str(unable.value), scripts()
    lane.leave()
    found["ends"] = []
    for text in ENDS:
        program(text)
        lane = runner(folder, group)
        try:
            trained(lane, leg(9))
        except ScriptFailed as error:
            found["ends"].append((str(error), error.output))
        lane.leave()
        found["ends"][-1] += (scripts(),)
    return found


@pytest.mark.timeout(120)
def test_what_two_ranks_come_to(tmp_path: Path) -> None:
    first, second = on_two(on_each_rank, tmp_path)
    assert first["ddp"] == second["ddp"] == {1: 2.0, 2: 4.0, 3: 8.0}
    assert first["told"] == [{1: 0.5}, {1: 0.5}]
    starts = [[json.loads(line) for line in (tmp_path / f"told{rank}").read_text().splitlines()] for rank in (0, 1)]
    assert [[start["RANK"] for start in each] for each in starts] == [["0", "0"], ["1", "1"]]
    ports = [[start["MASTER_PORT"] for start in each] for each in starts]
    assert ports[0] == ports[1] and len({*ports[0]}) == 2
    values, told, left = first["runs on"]
    assert (values, left) == ({1: 0.4}, []) and "rank 1 ran on 1 s after rank 0 had ended: ended, too" in told
    assert second["runs on"][2] == []
    assert (first["early"][0], first["refused"][0]) == ({1: 0.3}, {1: 0.2})
    assert first["unable"] == second["unable"]
    assert first["unable"][0].startswith("rank 1 of train.py cannot be started: command: ${envvar:TOLD_TO_RANK_0}")
    assert first["unable"][1] == []
    assert first["ends"] == second["ends"]
    for (sentence, output, left), wanted in zip(first["ends"], ENDS.values(), strict=True):
        assert sentence == wanted and not left and sentence.rsplit(": ")[-1].split(" (")[0] in output


def saving_ranks(group: ProcessGroup, folder: Path) -> dict[str, Any]:
    if group.first:
        (folder / "train.py").write_text(dedent(SHARDS))
        (folder / "ends.py").write_text(dedent(SAVES_AT_THE_END))
    group.gathered(None)
    lane = runner(folder, group, checkpoint=True)
    before = trained(lane, leg(2, 6))
    halted = [psutil.Process(pid).status() for pid in scripts()]
    (saved,) = lane.save(over=True)
    lane.leave()
    group.gathered(None)  # it is written
    assert saved.uri is not None
    after = trained(lane, leg(6, start=2, uri=saved.uri))
    (last,) = lane.save(over=True)
    lane.leave()
    group.gathered(None)
    assert lane.setting.command is not None
    lane.setting = replace(lane.setting, command=lane.setting.command.model_copy(update={"program": "ends.py"}))
    trained(lane, leg(3, 6))
    (ended,) = lane.save(over=True)
    lane.leave()
    return {
        "before": before,
        "after": after,
        "uris": (saved.uri, last.uri, ended.uri),
        "left": scripts(),
        "halted": halted,
    }


@pytest.mark.timeout(120)
def test_what_all_ranks_have_saved_in_one_folder_is_gone_on_from(tmp_path: Path) -> None:
    first, second = on_two(saving_ranks, tmp_path)
    assert first == second and first["left"] == []
    assert first["halted"] == [psutil.STATUS_STOPPED], "what is copied is not written to meanwhile"
    assert (first["before"], first["after"]) == ({1: 0.1, 2: 0.2}, {3: 0.3, 4: 0.4, 5: 0.5, 6: 0.6})
    kept = [{file.name: file.read_text() for file in Path(uri, "files").iterdir()} for uri in first["uris"]]
    parts = [{name: text for name, text in files.items() if not name.startswith("new")} for files in kept]
    assert parts == [{"part0": "2", "part1": "2"}, {"part0": "6", "part1": "6"}, {"at0": "2", "at1": "2"}]


def stopped_rank(group: ProcessGroup, folder: Path) -> dict[str, Any]:
    if group.first:
        (folder / "train.py").write_text("import time\nprint('val_acc=0.1', flush=True)\ntime.sleep(99)\n")
    group.gathered(None)
    lane = runner(folder, group)
    ended = list[bool]()
    lane.stopped = lambda: group.first and bool(ended)
    lane.start(leg(3))
    lane.epoch()
    ended.append(True)
    told = lane.epoch()
    running = len(scripts())
    lane.save(over=True)
    lane.leave()
    return {"told": told, "running": running, "left": scripts()}


@pytest.mark.timeout(120)
def test_all_ranks_are_ended_where_the_first_is_told_to_stop(tmp_path: Path) -> None:
    for found in on_two(stopped_rank, tmp_path):
        assert found == {"told": [], "running": 1, "left": []}


def test_a_group_that_has_one_worker_for_now_has_one_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    program = (
        "import os; print('val_acc=' + os.environ['WORLD_SIZE'], os.environ['RANK'], os.environ['MASTER_PORT'])"
    )
    (tmp_path / "train.py").write_text(program)
    lane = runner(tmp_path, ProcessGroup())
    assert trained(lane, leg(1)) == {1: 1.0}
    lane.leave()


@dataclass(frozen=True)
class Second(ProcessGroup):
    """The second of two processes, of which the first one's folder is at ``place``."""

    place: str = "/on/another/machine"

    def gathered(self, value: Any) -> list[Any]:
        return [self.place, value]


def test_a_folder_is_shared_where_it_can_be_reached(tmp_path: Path) -> None:
    saved, there = tmp_path / "saved", tmp_path / "of rank 0"
    for folder in (saved, there):
        folder.mkdir()
    (saved / "state").write_text("7")
    near, _ = shared_folder(Second(1, 2, place=str(there)), saved)
    assert near == there and not [*there.iterdir()]
    own, held = shared_folder(Second(1, 2), saved)
    assert own == held.path and (own / "state").read_text() == "7"


def test_who_is_the_reason_of_a_failure() -> None:
    runs, done = Look(), Look(ended=True)
    own = Look(ended=True, failure=Failure("rank 1 of a.py ended with exit code 1: KeyError: 'age'"))
    lost = Look(ended=True, failure=Failure("rank 0 of a.py ended with exit code 1", "Connection reset by peer"))
    assert failure([runs, done]) is failure([lost, runs]) is None
    assert "rank 1" in str(failure([lost, own])) and "rank 1" in str(failure([runs, own]))
    late = Look(ended=True, failure=lost.failure, patient=False)
    assert "rank 0" in str(failure([late, runs])) and "rank 0" in str(failure([lost, lost]))
    waited = Look(ended=True, failure=Failure("rank 0 of a.py ended with exit code 1: Timed out waiting 1800000ms"))
    assert str(failure([waited, runs])).endswith("1800000ms")
    for lonely in (lost, waited):
        assert str(failure([lonely, done])).endswith("(rank 1 had ended before, with exit code 0)")
