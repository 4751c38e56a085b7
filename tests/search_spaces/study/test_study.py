"""The study is told the truth, and its journal survives a torn tail."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from search_spaces.race.finals import Finals, final_seeds, finalists
from search_spaces.race.legs import Leg, MemberEpoch, Saved, Scored
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.simulation.clock import World, simulate
from search_spaces.study.journal import copy_of, mend
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import Damaged, Gone
from search_spaces.types.values import Params
from tests.helpers.toy_race import METRIC, SPACE, Toy, curve, toy_sweep


def journal(folder: Path) -> Path:
    return folder / "journal.log"


def optuna_trials(path: Path) -> list[optuna.trial.FrozenTrial]:
    """As Optuna itself reads the file."""
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    return optuna.load_study(study_name=None, storage=storage).get_trials()


def bad(params: Params, epoch: int) -> bool:
    """Whether the toy's loss is NaN."""
    lr = float(params["lr"] or 0)
    return lr > 0.8 or (0.3 < lr < 0.4 and epoch > 1)


def searched(folder: Path) -> Race:
    """A whole sweep with diverging trials, on disk."""
    study = Study("toy", "maximize", journal(folder))
    race = Search(toy_sweep(trials=20, method="tpe"), Toy, study).race(2)
    simulate(race, World(lambda p, e: float("nan") if bad(p, e) else curve(p, e), num_lanes=2))
    study.flush()
    return race


def test_optuna_is_told_what_happened(tmp_path: Path) -> None:
    race = searched(tmp_path)
    trials = optuna_trials(journal(tmp_path))

    told = {"done": TrialState.COMPLETE, "stopped": TrialState.PRUNED, "failed": TrialState.FAIL}
    assert [trial.state for trial in trials] == [told[track.state] for track in race.tracks]
    assert {trial.state for trial in trials} == set(told.values()), "each kind is there, and none is RUNNING"
    for trial, track in zip(trials, race.tracks, strict=True):
        assert trial.intermediate_values == track.values
        assert trial.params == track.searched == trial.user_attrs["params"]
        if trial.state == TrialState.COMPLETE:
            assert trial.value == track.best_value == max(track.values.values())
        if trial.state == TrialState.PRUNED:
            assert trial.last_step == track.epoch and track.epoch in (1, 3)
        if trial.state == TrialState.FAIL:
            assert trial.value is None and bad(track.params, 9)
            failure = trial.user_attrs["progress"]["failure"]
            assert (failure["kind"], failure["text"]) == ("diverged", f"{METRIC} is nan")


def test_a_study_opened_again_holds_the_same(tmp_path: Path) -> None:
    searched(tmp_path)
    first = Study("toy", "maximize", journal(tmp_path))
    records = first.records()
    number = first.add(SPACE, {"lr": 0.25, "size": 2})
    first.report(number, 1, 0.5)
    first.report(number, 2, 0.75)
    first.note(number, "progress", {"state": "running", "epoch": 2})
    first.set("phase", {"deep": [1, 2.5, None, "x"]})
    assert Study("toy", "maximize", journal(tmp_path), writing=False).records() == records, "nothing before flush"
    first.flush()

    again = Study("toy", "maximize", journal(tmp_path))
    assert again.records() == first.records() and len(again.records()) == len(records) + 1
    last = again.records()[-1]
    assert (last.number, last.params, last.values) == (20, {"lr": 0.25, "size": 2}, {1: 0.5, 2: 0.75})
    assert last.outcome is None and last.attributes["progress"] == {"state": "running", "epoch": 2}
    assert again.facts()["phase"] == {"deep": [1, 2.5, None, "x"]}


def test_a_stopped_trial_without_a_value_is_pruned(tmp_path: Path) -> None:
    study = Study("toy", "maximize", journal(tmp_path))
    number = study.add(SPACE, {"lr": 0.25, "size": 2})
    study.tell(number, "stopped", None)
    study.flush()
    assert [trial.state for trial in optuna_trials(journal(tmp_path))] == [TrialState.PRUNED]


def test_constants_and_values_outside_the_space_are_kept_as_given(tmp_path: Path) -> None:
    study = Study("toy", "maximize", journal(tmp_path))
    study.add(SPACE, {"lr": 7.0, "size": 1})
    study.flush()
    assert Study("toy", "maximize", journal(tmp_path)).records()[0].params == {"lr": 7.0, "size": 1}


def test_a_tail_torn_at_any_byte_is_cut_and_appended_to(tmp_path: Path) -> None:
    path = journal(tmp_path)
    study = Study("toy", "maximize", path)
    for lr in (0.25, 0.5):
        study.report(study.add(SPACE, {"lr": lr, "size": 1}), 1, lr)
    study.flush()
    whole = path.read_bytes()
    head = whole[: whole.rstrip(b"\n").rfind(b"\n") + 1]
    for cut in range(len(head), len(whole) + 1):
        path.write_bytes(whole[:cut])
        copy_of(path).write_bytes(head)
        torn = Study("toy", "maximize", path)
        kept = cut == len(whole)
        told = f"the journal's torn tail ({cut - len(head)} bytes) was cut off"
        assert torn.mended == ("" if cut in (len(head), len(whole)) else told)
        assert [r.values for r in torn.records()] == [{1: 0.25}, {1: 0.5} if kept else {}]
        torn.report(1, 2, 0.75)
        torn.flush()
        assert [t.intermediate_values.get(2) for t in optuna_trials(path)] == [None, 0.75]


@pytest.mark.parametrize("junk", [b"\x00" * 4096, b"null\n", b"[1]\n", b'{"op_code": 5', b"\xff\xfe\n", b"\n"])
def test_junk_behind_the_last_record_is_cut(tmp_path: Path, junk: bytes) -> None:
    searched(tmp_path)
    path = journal(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + junk)

    assert mend(path) == f"the journal's torn tail ({len(junk)} bytes) was cut off"
    assert path.read_bytes() == whole


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    searched(tmp_path)
    path = journal(tmp_path)
    torn = path.read_bytes() + b'{"op_code'
    path.write_bytes(torn)

    assert len(Study("toy", "maximize", path, writing=False).records()) == 20
    assert path.read_bytes() == torn


def test_a_sweep_cut_off_after_any_line_goes_on(tmp_path: Path) -> None:
    """A kill may tear a batch of lines apart: whatever was written of it, the sweep comes to its end."""
    searched(tmp_path)
    lines = journal(tmp_path).read_bytes().splitlines(keepends=True)
    for cut in sorted(Random(0).sample(range(1, len(lines)), 25)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        journal(folder).write_bytes(b"".join(lines[:cut]))
        study = Study("toy", "maximize", journal(folder))
        race = Search(toy_sweep(trials=20), Toy, study).race(2)
        simulate(race, World(curve, num_lanes=2))
        assert len(study.records()) == 20
        assert all(record.outcome for record in study.records())
        assert [r.outcome for r in study.records()] == [t.state for t in race.tracks]


def train(race: Race, leg: Leg, finals: Finals | None = None) -> None:
    for epoch in range(leg.start + 1, leg.stop + 1):
        metrics = {m.key: {METRIC: curve(m.params, epoch) + m.seed} for m in leg.members}
        found = [MemberEpoch(key=key, epoch=epoch, metrics=measured) for key, measured in metrics.items()]
        race.reported(leg.id, found)
    race.saved(leg.id, [Saved(key=m.key, epoch=leg.stop, uri=f"{m.key}/{leg.stop}") for m in leg.members])
    tracks = {track.key: track for track in race.tracks}
    for member in leg.members if finals else ():
        assert finals
        score = Scored(key=member.key, best_epoch=9, metrics={"test_accuracy": 0.9})
        finals.scored(tracks[member.key], score)


def test_the_verdict_is_taken_up_where_it_was_cut_off(tmp_path: Path) -> None:
    search = searched(tmp_path)
    chosen, seeds = finalists(search, 2), final_seeds(0, 3)
    assert chosen[:2] == search.ranked()[:2] and 0 in {track.trial for track in chosen}

    def begin() -> tuple[Study, Finals, Race]:
        study = Study("toy", "maximize", journal(tmp_path))
        finals = Finals(study, 9)
        return study, finals, finals.race(chosen, seeds, search.rules)

    study, finals, race = begin()
    first = race.next_leg()
    second = race.next_leg()
    assert first and second and (first.start, first.stop, first.purpose) == (0, 9, "final")
    train(race, first, finals)
    race.finished_leg(first.id)
    train(race, second, None)
    study.flush()

    study, finals, race = begin()
    scored = {member.key for member in first.members}
    assert {track.key for track in race.tracks if track.state == "done"} == scored
    while leg := race.next_leg():
        assert leg.start == 0 and not scored & {member.key for member in leg.members}, "saved, but not scored"
        train(race, leg, finals)
        scored |= {member.key for member in leg.members}
        race.finished_leg(leg.id)
    assert race.finished and len(scored) == len(chosen) * 3
    assert all("test" in entry for entry in finals.entries.values())


def test_the_journal_is_whole_json_lines(tmp_path: Path) -> None:
    searched(tmp_path)
    assert all(isinstance(json.loads(line), dict) for line in journal(tmp_path).read_text().splitlines())


def two_trials(path: Path) -> Study:
    study = Study("toy", "maximize", path)
    for lr in (0.25, 0.5):
        study.report(study.add(SPACE, {"lr": lr, "size": 1}), 1, lr)
        study.flush()
    return study


@pytest.mark.parametrize("seed", range(20))
def test_a_bit_that_flips_anywhere_is_had_back_from_the_copy(tmp_path: Path, seed: int) -> None:
    path, dice = journal(tmp_path), Random(seed)
    expected = two_trials(path).records()
    whole = path.read_bytes()
    bad = bytearray(whole)
    bad[dice.randrange(len(bad))] ^= 1 << dice.randrange(8)
    path.write_bytes(bad)

    assert Study("toy", "maximize", path, writing=False).records() == expected
    assert path.read_bytes() == bad, "a reader changes nothing"
    mended = Study("toy", "maximize", path)
    assert mended.records() == expected and "nothing is lost" in mended.mended
    assert path.read_bytes() == copy_of(path).read_bytes() == whole
    assert path.with_name("journal.log.broken").read_bytes() == bad
    assert [trial.params["lr"] for trial in optuna_trials(path)] == [0.25, 0.5]


def removed(path: Path, lines: list[bytes]) -> None:
    path.unlink()


def a_line_less(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines[:3] + lines[4:]))


def an_older_copy(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines[:-3]))


def an_empty_line(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join([*lines[:3], b"\n", *lines[3:]]))


def zeros(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join([*lines[:3], bytes(len(lines[3])), *lines[4:]]))


def another_s_value(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines).replace(b"0.25", b"0.75"))


@pytest.mark.parametrize("harm", [removed, a_line_less, an_older_copy, an_empty_line, zeros, another_s_value])
def test_whatever_befalls_the_journal_alone_is_mended(
    tmp_path: Path, harm: Callable[[Path, list[bytes]], None]
) -> None:
    path = journal(tmp_path)
    expected, whole = two_trials(path).records(), path.read_bytes()
    harm(path, whole.splitlines(keepends=True))
    assert Study("toy", "maximize", path, writing=False).records() == expected
    mended = Study("toy", "maximize", path)
    assert mended.records() == expected and "nothing is lost" in mended.mended
    assert path.read_bytes() == whole
    mended.report(1, 2, 0.75)
    mended.flush()
    assert Study("toy", "maximize", path).mended == ""


def test_what_is_lost_in_both_files_is_told_with_line_and_byte_and_left_as_it_is(tmp_path: Path) -> None:
    path = journal(tmp_path)
    two_trials(path)
    lines = path.read_bytes().splitlines(keepends=True)
    bad = b"".join([*lines[:3], lines[3].replace(b":", b";"), *lines[4:]])
    for file in (path, copy_of(path)):
        file.write_bytes(bad)
    place = f"line 4 \\(byte {sum(map(len, lines[:3]))}\\)"
    for writing in (False, True):
        with pytest.raises(Damaged, match=place):
            Study("toy", "maximize", path, writing=writing)
    assert path.read_bytes() == copy_of(path).read_bytes() == bad


def test_a_journal_without_seals_of_an_earlier_version_goes_on_with_them(tmp_path: Path) -> None:
    path = journal(tmp_path)
    expected = two_trials(path).records()
    plain = [{k: v for k, v in json.loads(line).items() if k not in ("n", "crc")} for line in path.open()]
    path.write_text("".join(json.dumps(log) + "\n" for log in plain))
    copy_of(path).unlink()
    study = Study("toy", "maximize", path)
    assert (study.records(), study.mended) == (expected, "")
    study.report(1, 2, 0.75)
    study.flush()
    lines = path.read_bytes().splitlines(keepends=True)
    assert all(b'"crc"' in line for line in lines)
    for harm in ([], [b"\n"], [b'{"op":\n'], [b'{"op":']):
        path.write_bytes(b"".join([*lines[:2], *harm, *lines[3:]]))
        again = Study("toy", "maximize", path)
        assert [r.values for r in again.records()] == [{1: 0.25}, {1: 0.5, 2: 0.75}]
        assert path.read_bytes() == b"".join(lines)


def test_a_reader_makes_no_file_and_a_removed_journal_is_told(tmp_path: Path) -> None:
    path = journal(tmp_path)
    assert Study("toy", "maximize", path, writing=False).records() == []
    assert not path.exists()
    study = two_trials(path)
    path.unlink()
    study.report(1, 2, 0.75)
    with pytest.raises(Gone, match="was removed while the sweep was running"):
        study.flush()


def test_a_journal_that_is_cut_while_its_driver_writes_is_told_as_that_and_had_back(tmp_path: Path) -> None:
    study = two_trials(path := journal(tmp_path))
    study.flush()
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    study.report(1, 2, 0.75)
    with pytest.raises(Gone, match=f"was cut to {len(whole) - 30} of its {len(whole)} bytes"):
        study.flush()
    assert path.read_bytes() == whole[:-30]
    assert "nothing is lost" in Study("toy", "maximize", path).mended and path.read_bytes() == whole


def test_a_write_that_finds_no_room_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = journal(tmp_path)
    study = two_trials(path)
    whole = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    study.report(1, 2, 0.75)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            study.flush()
    assert path.read_bytes() == whole
    study.flush()
    assert Study("toy", "maximize", path).records()[1].values == {1: 0.5, 2: 0.75}


def test_what_is_written_without_a_sync_is_there_for_others_and_synced_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, synced = two_trials(journal(tmp_path)), list[int]()
    monkeypatch.setattr(os, "fsync", synced.append)
    study.report(1, 2, 0.75)
    study.flush(sync=False)
    assert Study("toy", "maximize", journal(tmp_path), writing=False).records()[1].values == {1: 0.5, 2: 0.75}
    assert not synced
    study.flush()
    study.flush()
    assert len(synced) == 1
