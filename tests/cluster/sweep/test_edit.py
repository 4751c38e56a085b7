"""`paceline edit` on real homes: study, files, MLflow and `show` agree, whoever carries it out."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import optuna
import pytest

from cluster import job
from cluster.cli.commands.shared import find, reading
from cluster.cli.main import main
from cluster.driver.edits import take_up_edits
from cluster.python.resume import with_edits
from cluster.sweep.coordinator import Coordinator
from cluster.sweep.document import document
from cluster.sweep.files.inbox import FOLDER, send, waiting
from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge import edit as knowledge
from cluster.sweep.knowledge.edit import KIND, REFUSED, ask
from cluster.sweep.messages import Report
from cluster.sweep.reading import ENDED, Reading
from cluster.sweep.restore import note_spec
from cluster.sweep.shared_storage import STUDY
from cluster.sweep.steering.asking import STEER, wish_to_json
from cluster.sweep.stop import Stop
from cluster.sweep.tracker import Tracker
from cluster.terminal.views import QuietView
from search_spaces.race.legs import MemberEpoch, Saved
from search_spaces.race.search import Search
from search_spaces.spec.sweep import parse_sweep
from search_spaces.study.letters import send as send_letter
from search_spaces.study.study import Study
from tests.helpers.finished_sweep_without_ray import CARD, SPEC, raced
from tests.helpers.postgres import Postgres
from tests.helpers.small_sweep_in_mlflow import runs_of
from tracking import names
from workloads.registry import catalogue

CHANGES = ["parameters.lr.max=0.3", "parameters.momentum={min: 0.5, max: 0.95}", "parameters.batch_size=32"]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nobody
    return tmp_path


def edit(*words: str) -> int:
    return main(["edit", *words])


class Life:
    """A driver of the sweep in this process; the lanes are played by the test."""

    def __init__(self, home: SweepHome) -> None:
        sweep, self.home, self.said = home.sweep(), home, list[str]()
        study = Study(home.id, sweep.metric.goal, home.study)
        self.tracker = Tracker(home, sweep, study, QuietView(sys.stderr), CARD)
        self.coordinator = Coordinator(
            sweep=sweep,
            home=home,
            study=study,
            search=Search(sweep, catalogue().workload(sweep.workload).hyperparameters, study),
            writer=self.tracker.writer,
            num_lanes=1,
            say=self.said.append,
            stop=Stop(home.stop_mark),
        )

    def train(self, num_legs: int) -> None:
        while num_legs and (leg := self.coordinator.next_leg()):
            num_legs -= 1
            points = [MemberEpoch(key=m.key, epoch=e, metrics={"val_accuracy": 0.5 + m.trial / 100 + e / 1000})
                      for m in leg.members for e in range(leg.start + 1, leg.stop + 1)]  # fmt: skip
            saved = [Saved(key=m.key, epoch=leg.stop, uri=f"{self.home.checkpoints}/{m.key}") for m in leg.members]
            self.coordinator.report(
                (leg.purpose, leg.id), Report(epochs=points, saved=saved, seconds=1.0, done=True)
            )

    def look(self) -> None:
        take_up_edits(self.coordinator, self.tracker, self.said.append)

    def end(self, timeout_s: float = 0.0) -> None:
        self.tracker.conclude("finished", None)
        assert self.tracker.close(timeout_s) == (timeout_s > 0)


def begun() -> SweepHome:
    overrides = ("final=none", "early_terminate=none", "epochs=2", "trials=10")
    return SweepHome.create(parse_sweep(SPEC, "spec.yaml", Path.cwd(), overrides, catalogue=catalogue()))


def test_a_running_sweep_takes_an_edit_up_at_its_next_question(
    sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", sqlite_uri)
    home = begun()
    life = Life(home)
    life.train(4)
    with home.driven():
        ask(Reading.of(home), CHANGES[:2])
        ask(Reading.of(home), [*CHANGES[2:], "trials=12"])
    life.look()
    life.look()
    assert waiting(home, KIND) == [] and len(life.said) == 2
    small = sum(track.params["batch_size"] == 32 for track in life.coordinator.races["search"].tracks)
    assert life.said[0] == f"edited behind 4 trials: {' '.join(CHANGES[:2])}"
    outside = f"; {4 - small} of the 4 trials so far lie outside of the space now"
    assert life.said[1] == f"edited behind 4 trials: parameters.batch_size=32 trials=12{outside}"
    life.train(100)
    life.end(60)

    told = document(Reading.of(home))
    assert [one["trials"] for one in told["edits"]] == [4, 4] and told["edits"][1]["outside"] == 4 - small
    assert len(told["trials"]) == 12
    assert [set(one["params"]) for one in told["trials"]] == [{"lr", "batch_size"}] * 4 + [{"lr", "momentum"}] * 8
    study = optuna.load_study(
        study_name=home.id,
        storage=optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(home.journal))),
    )
    assert [set(trial.params) for trial in study.trials] == [set(one["params"]) for one in told["trials"]]
    assert {trial.distributions["lr"].high for trial in study.trials[4:]} == {0.3}
    runs = runs_of(sqlite_uri, home.id)
    [own], members = runs.pop(""), [run for [run] in runs.values()]
    assert len(members) == 12 and own.data.metrics["sweep/planned"] == 12
    assert own.data.tags["sweep.edits"].count("\n") == 1
    by_number = sorted(members, key=lambda run: int(run.data.tags["trial.number"]))
    assert all("xparam.momentum" in run.data.metrics for run in by_number[4:])
    assert {run.data.params["batch_size"] for run in by_number[4:]} == {"32"}
    assert {"lr", "batch_size"} <= by_number[0].data.params.keys()
    assert {"lr", "batch_size", "momentum"} <= json.loads(by_number[0].data.tags[names.TRIAL_PARAMS]).keys()
    assert "# edited" in home.spec.read_text() and not home.edited()


def test_a_driver_that_dies_behind_an_edit_does_not_make_it_twice() -> None:
    home = begun()
    life = Life(home)
    life.train(3)
    first = send(home, KIND, {"changes": CHANGES[:1]})
    content = first.path.read_bytes()
    life.look()
    life.end()
    first.path.write_bytes(content)  # it died before the message was removed
    second = send(home, KIND, {"changes": CHANGES[2:]})
    (home.path / FOLDER / "0.json").write_bytes(b'{"kind": "ed')
    again = Life(home)
    again.look()
    again.end()
    assert [edit.changes for edit in again.coordinator.sweep.edits] == [(CHANGES[0],), (CHANGES[2],)]
    assert not first.waits and not second.waits
    left = sorted((home.path / FOLDER).iterdir())
    assert [path.suffix for path in left] == [".broken", ".answer", ".answer"], "what nobody has waited for"


def test_an_edit_that_can_no_longer_be_made_is_told() -> None:
    life = Life(begun())
    send(life.home, KIND, {"changes": ["parameters.lr.max=0.3"]})
    send(life.home, KIND, {"changes": ["parameters.lr.min=0.5"]})
    life.look()
    [_, refused] = life.said
    rule = "must be above min = 0.5: swap the two, or change one"
    assert refused.startswith(f"an edit was refused: edit: parameters.lr.max: {rule}, received 0.3")
    life.train(100)
    late = send(life.home, KIND, {"changes": ["parameters.lr.max=0.2"]})
    life.look()
    assert late.waits, "the search is over: it is for the next driver"
    life.end()


def test_a_finished_sweep_is_edited_in_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced(complete=True)
    assert edit(home.id, *CHANGES) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(f"sweep {home.id} edited behind 9 trials: parameters.lr.max=0.3 ")
    assert "trials so far lie outside of the space now" in told[0]
    assert told[1] == f"its trials are all there: `paceline resume {home.id} --trials +20` trains more, as edited"
    read = Reading.of(home)
    assert read.complete and read.wrong == ""
    assert edit(home.id, "trials=12") == 0
    assert capsys.readouterr().out.splitlines()[1] == f"`paceline resume {home.id}` continues it"
    read = Reading.of(home)
    assert (read.complete, read.facts.searched, read.sweep.trials) == (False, False, 12)
    assert json.loads(home.document.read_text())["sweep"]["edits"][1]["changes"] == ["trials=12"]
    best = Path("best.yaml")
    assert main(["best", home.id, "-o", str(best)]) == 0
    assert "edited" not in best.read_text()
    life = Life(home)
    life.train(100)
    life.end()
    rows = Reading.of(home).rows
    assert len(rows) == 12 and all(set(row.params) == {"lr", "momentum"} for row in rows[9:])


def test_what_cannot_be_edited_is_refused_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced()
    before = {path: path.read_bytes() for path in home.path.iterdir() if path.is_file()}
    cases = [
        ((), "paceline edit ID KEY=VALUE"),
        (("parameters.lr.max=0.1",), "must change something"),
        (("trials=3",), "trials: must be 10 or more, for 9 trials were tried already"),
        (("epochs=3", "parameters.xl=3"), "epochs: must stay"),
        (("parameters.lr={values: [1, 2]}",), "must stay of the kind that it was in this sweep (0.0001 to 0.1"),
    ]
    for changes, words in cases:
        assert edit(home.id, *changes) == 2
        assert words in capsys.readouterr().err
    with home.driven():
        assert edit(home.id, "epochs=3") == 2
    assert {path: path.read_bytes() for path in before} == before and not (home.path / FOLDER).exists()
    assert edit("parameters.lr.max=0.2") == 0, "of the last sweep"


def test_a_search_goes_on_whose_limit_is_lifted(capsys: pytest.CaptureFixture[str]) -> None:
    """Until now `resume` had nothing left to do, though the edit said that it goes on."""
    why = "the timeout of 60 s has passed"
    facts = {"searched": True, "phase": "finished", "complete": True, "verdict": None, ENDED: why}
    ended = raced("timeout=60s", "trials=20", most_legs=5, **facts)
    assert len(Reading.of(ended).rows) < 20 and edit(ended.id, "timeout=1s") == 0
    assert Reading.of(ended).complete, "that would end at once"
    assert edit(ended.id, "trials=+5") == 2
    assert "trials: would end at once: the timeout of 1 s is used up after 65 s" in capsys.readouterr().err
    assert edit(ended.id, "timeout=2h", "trials=+5") == 0
    assert capsys.readouterr().out.splitlines()[1] == f"`paceline resume {ended.id}` continues it"
    read = Reading.of(ended)
    assert not (read.complete or read.facts.searched or read.facts.ended_by or read.facts.verdict)
    assert (read.sweep.trials, read.sweep.timeout_s) == (25, 7200.0)


def test_a_budget_that_was_used_up_is_raised(capsys: pytest.CaptureFixture[str]) -> None:
    why = "the budget of 30 epochs is used up"
    spent = {"epochs": 29, "lane_s": 60.0, "final_lane_s": 0.0}
    facts = {"complete": True, "verdict": None, ENDED: why, "cost": {"seconds": 65.0, "spent": spent}}
    home = raced("budget={epochs: 30}", "trials=40", **facts)
    before = len(Reading.of(home).rows)
    assert before < 40 and edit(home.id, "budget.epochs=20") == 2
    assert "budget.epochs: must be above the 30 that the search has used, received 20" in capsys.readouterr().err
    assert edit(home.id, "trials=+1") == 2 and edit(home.id, "parameters.lr.max=0.3") == 0
    assert f"its search is over, as {why}: an edit of that limit lets it go on" in capsys.readouterr().out
    assert edit(home.id, "budget.epochs=+30") == 0
    read = Reading.of(home)
    assert read.sweep.edits[-1].changes == ("budget.epochs=60",) and not read.complete
    study = Study(home.id, "maximize", home.journal)
    race = Search(read.sweep, catalogue().workload("softmax").hyperparameters, study).race(1)
    assert race.next_leg() is not None and len(race.tracks) > before
    study.close()


def test_edits_that_came_too_late_are_made_as_the_sweep_is_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced(complete=True)
    with home.driven():
        assert edit(home.id, "trials=12") == 0
    assert "its search is over; when its final evaluation is, too, `paceline resume" in capsys.readouterr().out
    send(home, KIND, {"changes": ["trials=3"]})
    send(home, KIND, {"a later version": 1})
    read = with_edits(Reading.of(home), print)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"sweep {home.id}: edited behind 9 trials: trials=12"
    assert all("an edit was refused: " in line for line in told[1:]) and len(told) == 3
    assert (read.sweep.trials, read.complete, waiting(home, KIND)) == (12, False, [])
    assert with_edits(read, print) is read


def test_an_edit_comes_from_a_submitter_s_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a job on a Ray cluster, or by a command in the head of one on Kubernetes."""
    home = raced(most_legs=2)
    monkeypatch.setenv(STEER, wish_to_json(("edit", ("parameters.lr.max=0.3", "budget.epochs=50"))))
    assert job.main([home.id, "--steer"]) == 0
    out = capsys.readouterr().out
    assert f"sweep {home.id} edited behind 2 trials: parameters.lr.max=0.3 budget.epochs=50" in out
    monkeypatch.setenv(STEER, wish_to_json(("edit", ("epochs=3",))))
    assert job.main([home.id, "--steer"]) == 2
    assert "epochs: must stay" in capsys.readouterr().err
    monkeypatch.setenv(STEER, wish_to_json(("edit", ("parameters.lr.max=0.2",))))
    with home.driven():
        monkeypatch.setattr(knowledge, "PATIENCE_S", 0.0)
        assert job.main([home.id, "--steer"]) == 0
    assert "its driver has not taken the edit up yet" in capsys.readouterr().out


@pytest.mark.soak
def test_an_edit_reaches_a_driver_elsewhere_by_the_study_s_database(
    pg: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(STUDY, pg.create("edited"))
    home = begun()
    life = Life(home)
    note_spec(home, life.coordinator.study, life.coordinator.sweep)
    life.train(3)
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    read = reading(find(home.id))
    assert read.live and read.home.path != home.path and read.home.driver_pid() is None
    sent = [ask(read, CHANGES[:1]), ask(read, ["trials=12"])]
    life.look()
    assert [one.answered(5) for one in sent] == life.said
    assert life.said == [f"edited behind 3 trials: {CHANGES[0]}", "edited behind 3 trials: trials=12"]
    send_letter(read.home.study, home.id, KIND, {"changes": ["trials=1"], "id": "x"})
    life.look()
    assert life.said[2].startswith(REFUSED)
    late = ask(read, ["trials=14"])
    life.end()
    life.coordinator.study.close()
    assert edit(home.id, "parameters.lr.max=0.2") == 0
    assert late.answered(5) == "edited behind 3 trials: trials=14"
    found = reading(find(home.id)).sweep
    assert (found.trials, [len(edit.changes) for edit in found.edits]) == (14, [1, 1, 1, 1])
    assert "edited behind 3 trials: parameters.lr.max=0.2" in capsys.readouterr().out
