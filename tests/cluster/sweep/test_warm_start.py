"""Warm starts on real homes: what is found, kept, told and refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.job import _settle
from cluster.sweep.document import document
from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge.edit import edit_files
from cluster.sweep.knowledge.search import search_of
from cluster.sweep.knowledge.warm_start import FILE, begun, beside, collected, travelling
from cluster.sweep.reading import Reading
from cluster.sweep.restore import CARD
from cluster.sweep.tracker import header
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import Unreadable
from search_spaces.types.faults import SpecError
from tests.helpers.finished_sweep_without_ray import CARD as WINE
from tests.helpers.finished_sweep_without_ray import SPEC, raced
from tracking import names
from tracking.store.records import opening
from workloads.registry import catalogue

OTHER = {**WINE, "digest": "1" * 64}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parsed(*overrides: str, text: str = SPEC) -> Sweep:
    return parse_sweep(text, "spec.yaml", Path.cwd(), overrides, catalogue=catalogue())


def opened(home: SweepHome, **facts: object) -> tuple[Sweep, Study]:
    sweep = home.sweep()
    study = Study(home.id, sweep.metric.goal, home.journal)
    for key, value in facts.items():
        study.set(key, value)
    return sweep, study


def test_an_earlier_sweep_is_kept_with_the_new_one() -> None:
    old = raced(**{CARD: WINE})
    home = begun(parsed(f"warm_start=[{old.id[:3]}]"), "spec.yaml")
    sweep, study = opened(home, **{CARD: WINE})
    assert sweep.warm_start == (old.id,), "the whole ID is kept"
    said: list[str] = []
    search = search_of(home, sweep, study, said.append)
    assert said == [f"warm start: 8 trials of wines-{old.id}; left out: 1 without a value"]
    first = search.race(1).next_leg()
    shutil.rmtree(old.path)
    (home.path / FILE).unlink()
    assert search_of(home, sweep, study, said.append).warm == search.warm and len(said) == 1
    assert first is not None and len(search.history) == 8
    study.flush()
    told = document(Reading.of(home))["warm_start"]
    assert told == [
        {
            "sweep": old.id,
            "name": "wines",
            "same_data": True,
            "shown": 8,
            "tried_first": 0,
            "outside": 0,
            "no_value": 1,
        }
    ]
    assert opening(header(home, sweep, WINE), "me").tags[names.SWEEP_WARM_START] == old.id


def test_an_edited_sweep_s_trials_keep_the_constants_that_they_had() -> None:
    old = raced("parameters.momentum=0.5", most_legs=2, **{CARD: WINE})
    with old.driven():
        edit_files(Reading.of(old), ["parameters.momentum=0.9"])
    before = len(Reading.of(old).rows)
    for momentum, num_inside in ((0.5, before), (0.9, 0)):
        sweep = parsed(f"warm_start=[{old.id}]", f"parameters.momentum={momentum}")
        if num_inside:
            assert len(collected(sweep, "spec.yaml").warm.shown) == num_inside
        else:
            with pytest.raises(SpecError, match=f"of {before}, {before} are not in this space"):
                collected(sweep, "spec.yaml")


def test_another_data_set_is_discounted() -> None:
    old = raced(**{CARD: WINE})
    home = begun(parsed(f"warm_start=[{old.path}]", "trials=30"), "spec.yaml")
    sweep, study = opened(home, **{CARD: OTHER})
    said: list[str] = []
    search = search_of(home, sweep, study, said.append)
    assert sweep.warm_start == (str(old.path),)
    first = f"3 configurations of wines-{old.id} tried first, as its data is another"
    assert said[0].startswith(f"warm start: {first}; left out: ")
    best = sorted(Reading.of(old).rows, key=lambda row: -(row.best_value or 0))
    tracks = search.more([], 4, None)
    assert [track.searched for track in tracks[1:]] == [row.params for row in best[:3]]


def test_what_was_taken_is_told_by_check_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    old = raced()
    Path("new.yaml").write_text(SPEC + f"warm_start: {old.id}\n")
    assert main(["check", "new.yaml", "parameters.lr.max=0.05"]) == 0
    told = capsys.readouterr().out
    assert (
        f"warm start  8 trials of wines-{old.id} if the data is the same; left out: " in told or "outside" in told
    )
    taken = {"sweep": "a1b2", "name": "wines", "same_data": True, "shown": 4, "tried_first": 0}
    home = raced(warm_start_taken=[{**taken, "outside": 1, "no_value": 0}])
    capsys.readouterr()
    assert main(["show", home.id]) == 0
    assert "\nwarm start: 4 trials of wines-a1b2; left out: 1 outside of the space\n" in capsys.readouterr().out
    assert json.loads((old.path / "sweep.json").read_text())["sweep"]["warm_start"] == []


def test_the_metrics_of_a_sweep_with_several_must_have_been_measured() -> None:
    two = "metrics=[{name: val_accuracy}, {name: params_m}]"
    plain, bounded = raced(), raced("constraints=[{metric: params_m, max: 99}]")
    assert begun(parsed(f"warm_start=[{bounded.id}]", two), "spec.yaml").sweep().warm_start == (bounded.id,)
    rule = "must have measured params_m, as one of its metrics or in a constraint, and has not"
    with pytest.raises(SpecError, match=rule):
        begun(parsed(f"warm_start=[{plain.id}]", two), "spec.yaml")
    assert begun(parsed(f"warm_start=[{raced(two).id}]"), "spec.yaml"), "the first alone is known, too"


def test_every_earlier_sweep_that_cannot_be_used_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    old = raced()
    loss = raced("metric.name=val_loss", "trials=2", most_legs=0)
    mlp = raced("workload=mlp", "trials=2", most_legs=0)
    empty = raced(most_legs=0)
    wide = raced("parameters.lr=0.5", "trials=2", most_legs=1)
    (old.path.parent / "dead").mkdir()
    named = ["nope", old.id, old.id[:3], loss.id, mlp.id, empty.id, wide.id, "./.paceline/dead", "1234"]
    Path("new.yaml").write_text(SPEC + f"warm_start: [{', '.join(named)}]\n")
    homes = set(old.path.parent.iterdir())
    for command in ("check", "run"):
        assert main([command, "new.yaml"]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert [line.split(": ")[1] for line in lines] == [f"warm_start.{i}" for i in (0, 2, 3, 4, 5, 6, 7, 8)]
    for line, words in zip(
        lines,
        (
            "must be an earlier sweep (there is no sweep 'nope'",
            "is a sweep that is named before",
            "must maximize val_accuracy, as this sweep does, and is to minimize val_loss",
            "must be a sweep of workload softmax, as this one, and is one of mlp",
            "must have trials that inform on this space (of 0, 0 are not in this space",
            "(of 1, 1 are not in this space)",
            "must be the home of a sweep, as .paceline/ID is",
            "must be an earlier sweep (there is no sweep '1234'",
        ),
        strict=True,
    ):
        assert words in line
    assert set(old.path.parent.iterdir()) == homes, "nothing was started"


@pytest.mark.parametrize(
    ("extra", "rule"),
    [
        (["warm_start=[a1, a1]"], "must be named once"),
        (["warm_start=[a1]", "method=random"], "has no effect with method random, which does not learn"),
        (
            ["warm_start=[a1]", "trials=1", "parameters.lr=0.1", "parameters.batch_size=32"],
            "has no effect where nothing is",
        ),
        (["warm_start=[{a: 1}]"], "must be text"),
        (["warm_start=['']"], "must not be empty"),
    ],
)
def test_a_warm_start_without_effect_is_refused(extra: list[str], rule: str) -> None:
    with pytest.raises(SpecError) as caught:
        parsed(*extra)
    assert [rule in fault.rule for fault in caught.value.faults] == [True], caught.value


def test_an_id_that_looks_like_a_number_is_a_text() -> None:
    for text in ("1234", "0012", "12e4", "[0x12]"):
        given = parsed(text=SPEC + f"warm_start: {text}\n").warm_start
        assert given == (text.strip("[]"),) == parsed(f"warm_start={text}").warm_start
        again = parsed(text=parsed(f"warm_start={text}").to_text())
        assert again.warm_start == given


def test_earlier_sweeps_travel_with_a_submitted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = raced(**{CARD: WINE})
    sweep = parsed(f"warm_start={old.id}")
    content, told = travelling(sweep)
    assert told == "" and beside("paceline-ab12.yaml") == "paceline-ab12.warm_start.json"
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.chdir(there)
    (there / "sweep.yaml").write_text(sweep.to_text())
    (there / beside("sweep.yaml")).write_bytes(content)
    monkeypatch.setenv("PACELINE_SPEC", str(there / "sweep.yaml"))
    home = SweepHome("ab12", there / ".paceline" / "ab12")
    home.path.mkdir(parents=True)
    _settle(home, parsed(f"warm_start={old.id}"))
    sweep, study = opened(home, **{CARD: WINE})
    assert search_of(home, sweep, study).warm.taken[0].shown == 8
    nowhere, told = travelling(parsed("warm_start=beef"))
    assert nowhere == b"" and "must be an earlier sweep" in told and told.endswith("in its own folder")
    (there / beside("sweep.yaml")).write_bytes(content.replace(b"0.5", b"0.6", 1))
    with pytest.raises(SpecError, match="its check sum does not fit"):
        _settle(SweepHome("cd34", there / ".paceline" / "cd34"), sweep)


def test_trials_that_were_lost_are_told() -> None:
    old = raced()
    home = begun(parsed(f"warm_start={old.id}"), "spec.yaml")
    sweep, study = opened(home, **{CARD: WINE})
    path = home.path / FILE
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6", 1))
    with pytest.raises(Unreadable, match=r"warm_start\.json cannot be read \(its check sum"):
        search_of(home, sweep, study)
    assert collected(parsed(), "spec.yaml").earlier == ()
