"""A study in a real PostgreSQL: what the journal holds, one driver at a time, through outages and take-overs."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest

from search_spaces.race.legs import MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.study import letters, postgres
from search_spaces.study.contract import Goals
from search_spaces.study.postgres import names, usable
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import Busy, Fenced, StudyAway
from tests.helpers.paths import ROOT
from tests.helpers.postgres import PASSWORD, Postgres
from tests.helpers.toy_race import METRIC, SPACE, Toy, curve, toy_sweep
from tests.helpers.waiting import wait_until
from tests.search_spaces.race.test_several_objectives import raced

NUMBERS = itertools.count()


@pytest.fixture
def url(pg: Postgres) -> str:
    """An empty database."""
    return pg.create(f"study{next(NUMBERS)}")


@contextmanager
def opened(place: Path | str, attempt: int | None = None, goals: Goals = "maximize") -> Iterator[Study]:
    study = Study("toy", goals, place, attempt=attempt)
    try:
        yield study
    finally:
        study.close()


def seen(url: str) -> Study:
    return Study("toy", "maximize", url, writing=False)


def race_on(study: Study, most_legs: int = 1000) -> Race:
    """Goes on with a sweep of 20 trials, some of which are stopped and some fail, and flushes as a driver does."""
    race = Search(toy_sweep(trials=20), Toy, study).race(2)
    while most_legs and (leg := race.next_leg()):
        most_legs -= 1
        study.flush()
        for epoch in range(leg.start + 1, leg.stop + 1):
            values = {m.key: curve(m.params, epoch) if m.trial % 7 else float("nan") for m in leg.members}
            told = [MemberEpoch(key=key, epoch=epoch, metrics={METRIC: value}) for key, value in values.items()]
            race.reported(leg.id, told)
            study.flush()
        race.saved(leg.id, [Saved(key=m.key, epoch=leg.stop, uri=f"{m.key}/{leg.stop}") for m in leg.members])
        race.finished_leg(leg.id)
    study.flush()
    return race


def test_it_holds_what_the_journal_holds_and_optuna_reads_it(url: str, tmp_path: Path) -> None:
    with opened(url) as study, opened(tmp_path / "journal.log") as journal:
        race_on(study)
        race_on(journal)
        study.set("verdict", {"mean": 0.5, "words": "as it is: 'é' \u0000 {x}"})
        study.flush()
        assert study.records() == journal.records() == seen(url).records()
        assert {record.outcome for record in study.records()} == {"done", "stopped", "failed"}
        assert seen(url).facts() == study.facts()

    told = optuna.load_study(study_name="toy", storage=url).get_trials()
    read = optuna.load_study(
        study_name="toy",
        storage=optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal.log"))
        ),
    ).get_trials()
    assert [(t.number, t.state, t.values, t.params) for t in told] == [
        (t.number, t.state, t.values, t.params) for t in read
    ]
    assert names(url) == ["toy"]


def test_several_objectives_are_held_as_in_the_journal_and_go_on_after_a_resume(url: str, tmp_path: Path) -> None:
    goals: Goals = ("maximize", "minimize")
    with opened(tmp_path / "journal.log", goals=goals) as journal:
        whole = raced(journal)
        for num_legs in (7, 1000):
            with opened(url, goals=goals) as study:
                race = raced(study, num_legs)
                study.flush()
        assert [(t.searched, t.state, t.vector()) for t in race.tracks] == [
            (t.searched, t.state, t.vector()) for t in whole.tracks
        ]
        found = seen(url).records()  # who opens it by another goal, as without the spec, has the study's own
        assert [(r.params, r.values, r.outcome, r.measured) for r in found] == [
            (r.params, r.values, r.outcome, r.measured) for r in journal.records()
        ]
    told = optuna.load_study(study_name="toy", storage=url)
    assert [direction.name for direction in told.directions] == ["MAXIMIZE", "MINIMIZE"]
    done = {track.index: track.vector() for track in race.tracks if track.done}
    assert {trial.number: tuple(trial.values) for trial in told.trials if trial.values} == done and told.best_trials


def test_a_sweep_goes_on_where_its_last_flush_left_it(url: str) -> None:
    with opened(url) as study:
        race_on(study, most_legs=3)
        before = study.records()
        study.set("lost", True)
        number = study.add(SPACE, {"lr": 0.25, "size": 2})
        study.report(number, 1, 0.5)
    assert seen(url).records() == before and "lost" not in seen(url).facts(), "nothing before flush"
    with opened(url) as study:
        race_on(study)
        assert len(study.records()) == 20 and all(record.outcome for record in study.records())
        assert seen(url).records() == study.records()


def test_who_only_reads_makes_nothing_and_sees_who_drives(url: str) -> None:
    assert seen(url).records() == [] and not seen(url).driven
    assert names(url) == [] and usable(url) is None, "and no table was made"
    with opened(url) as study:
        study.flush()
        assert seen(url).driven
        assert not Study("other", "maximize", url, writing=False).driven
    wait_until(lambda: not seen(url).driven, "the end of the session, which the server learns of a moment later")


def test_two_drivers_of_one_sweep(url: str) -> None:
    with opened(url), pytest.raises(Busy, match=rf"toy is being driven by process {os.getpid()} on "):
        Study("toy", "maximize", url)
    with opened(url):
        pass


def test_the_lock_dies_with_its_holder(url: str) -> None:
    code = (
        "import sys; from search_spaces.study.study import Study\n"
        f"study = Study('toy', 'maximize', {url!r}); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout and holder.stdout.readline() == "open\n"
        with pytest.raises(Busy):
            Study("toy", "maximize", url)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        for _ in range(100):
            if not seen(url).driven:
                break
        with opened(url):
            pass


@pytest.mark.parametrize("kind", ["database", "journal"])
def test_a_later_attempt_takes_over_and_the_earlier_one_writes_no_more(kind: str, url: str, tmp_path: Path) -> None:
    place = url if kind == "database" else tmp_path / "journal.log"
    with opened(place, attempt=1) as first:
        first.set("who", 1)
        first.flush()
        with opened(place, attempt=2) as second:
            second.set("who", 2)
            second.flush()
            first.set("who", "the dead")
            first.add(SPACE, {"lr": 0.25, "size": 2})
            for _ in range(2):
                with pytest.raises(Fenced):
                    first.flush()
            second.set("and", "goes on")
            second.flush()
    facts = Study("toy", "maximize", place, writing=False)
    assert facts.facts() == {"attempt": 2, "who": 2, "and": "goes on"} and facts.records() == []
    with pytest.raises(Fenced, match="attempt 2"):
        Study("toy", "maximize", place, attempt=1)
    with opened(place):
        """By hand, without a number: as the last attempt."""


def test_an_outage_loses_nothing_and_doubles_nothing(pg: Postgres, url: str) -> None:
    with opened(url) as study:
        race_on(study, most_legs=2)
        number = study.add(SPACE, {"lr": 0.25, "size": 2})
        study.report(number, 1, 0.5)
        pg.restart()
        study.flush()
        study.report(number, 2, 0.75)
        study.flush()
        assert seen(url).driven, "it has its lock again"
        assert seen(url).records() == study.records()


def test_who_lost_the_lock_in_an_outage_ends(pg: Postgres, url: str) -> None:
    with opened(url) as first:
        first.flush()
        pg.restart()
        with opened(url) as second:
            second.flush()
            first.set("who", "the dead")
            with pytest.raises(Busy):
                first.flush()
    assert "who" not in seen(url).facts()


def test_a_database_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch, pg: Postgres, url: str) -> None:
    monkeypatch.setattr(postgres, "OUTAGE_S", 0.2)
    with opened(url) as study:
        study.set("phase", "search")
        pg.stop()
        try:
            with pytest.raises(StudyAway) as raised:
                study.flush()
        finally:
            pg.start()
        assert PASSWORD not in str(raised.value) and "start the database" in raised.value.remedy
        study.flush()
    assert seen(url).facts()["phase"] == "search"


def test_a_sweep_that_never_began_leaves_no_study(url: str) -> None:
    with opened(url) as study:
        study.flush()
        study.forget()
    assert names(url) == []


CASES = {
    "no database": ("{user}:{password}@127.0.0.1:{port}/nix", "create it"),
    "wrong password": ("{user}:wr0ng-password@127.0.0.1:{port}/postgres", "right password into PGPASSWORD"),
    "no password": ("{user}@127.0.0.1:{port}/postgres", "password into PGPASSWORD or PACELINE_STUDY"),
    "no such user": ("nobody:{password}@127.0.0.1:{port}/postgres", "password into PGPASSWORD"),
    "no such host": ("{user}:{password}@no.such.host.invalid/postgres", "correct the host"),
    "nobody listens": ("{user}:{password}@127.0.0.1:9/postgres", "start the database"),
    "no port": ("{user}:{password}@127.0.0.1:{port}x/postgres", "USER@HOST"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_database_that_cannot_be_used_is_refused_with_a_remedy(case: str, pg: Postgres) -> None:
    form, remedy = CASES[case]
    url = "postgresql+psycopg://" + form.format(user="sweeper", password=PASSWORD, port=pg.port)
    for act in (lambda: Study("toy", "maximize", url), lambda: seen(url), lambda: names(url), lambda: usable(url)):
        with pytest.raises(StudyAway) as raised:
            act()
        assert remedy in raised.value.remedy
        assert PASSWORD not in repr(raised.value) and "wr0ng" not in repr(raised.value)
        assert raised.value.__cause__ is None and raised.value.__suppress_context__


def test_letter_from_any_machine_reaches_the_driver_and_is_answered(url: str) -> None:
    with opened(url) as study:
        race_on(study, most_legs=2)
        first = letters.send(url, "toy", "steer", {"deed": "pause", "trial": 3})
        letters.send(url, "toy", "other", {"x": 1})
        letters.send(url, "another sweep", "steer", {"x": 1})
        [letter] = study.letters("steer")
        assert letter.content == {"deed": "pause", "trial": 3}
        assert first.answered(0) is None
        study.flush()
        letter.answer("t003 is paused")
        assert study.letters("steer") == []
        assert (first.answered(5), first.answered(0)) == ("t003 is paused", None)
        study.set("phase", "search")
        study.flush()
    with opened(url) as study:
        assert not any(map(letters.is_letter, study.facts()))
        assert len(study.letters("other")) == 1, "one that nobody took up stays for the next driver"
