"""What a journal costs with many trials and parameters, and that Optuna's storage and ours read the same of it."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from search_spaces.space.domains import Choice, Uniform
from search_spaces.space.space import Space
from search_spaces.study import journal
from search_spaces.study.journal import BatchedJournal
from search_spaces.study.operations import Replay, parsed, study_noted
from search_spaces.study.study import Study
from search_spaces.types.values import Value
from tests.helpers.toy_race import SPACE

ODD = ('"user_attrs":{', ',"distributions":{', "params", "crc", "é")
"""Names of parameters that look like a line's own keys."""


def test_what_optuna_itself_has_written_is_read_as_it_reads_it(tmp_path: Path) -> None:
    """As sweeps of earlier versions were: nested attributes, trials in every state, one that was never told."""
    path = tmp_path / "journal.log"
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(study_name="toy", direction="minimize", storage=storage)
    study.set_user_attr("phase", {"deep": [1, None, "x"]})
    for number, state in enumerate(("COMPLETE", "PRUNED", "FAIL", "RUNNING")):
        trial = study.ask(SPACE.distributions({"lr": 0.5, "size": 1}))
        trial.set_user_attr("params", {"lr": 0.25 * number, "size": 1})
        for epoch in (2, 1):
            trial.report(number + epoch / 10, epoch)
        if state != "RUNNING":
            study.tell(trial, 1.0 if state == "COMPLETE" else None, state=optuna.trial.TrialState[state])
    found = Study("toy", "minimize", path, writing=False)
    assert found.facts() == study.user_attrs
    records = found.records()
    assert [record.outcome for record in records] == ["done", "stopped", "failed", None]
    for record, trial in zip(records, study.get_trials(), strict=True):
        assert (record.number, dict(record.values)) == (trial.number, trial.intermediate_values)
        assert list(record.values) == [1, 2] and record.params == trial.user_attrs["params"]
        assert record.attributes == trial.user_attrs


def test_a_reader_takes_a_trials_parameters_without_their_laws(tmp_path: Path) -> None:
    space = Space({**{name: Uniform(0, 1) for name in ODD}, "kind": Choice(("a", 'b","user_attrs":{'))})
    params = {**dict.fromkeys(ODD, 0.25), "kind": 'b","user_attrs":{'}
    path = tmp_path / "journal.log"
    study = Study("toy", "maximize", path)
    study.add(space, params)
    study.flush()
    line = next(line for line in path.read_bytes().splitlines() if b"distributions" in line)
    assert {"distributions", "params"} == json.loads(line).keys() - parsed(line).keys()
    assert parsed(line)["user_attrs"] == {"params": params}
    assert Study("toy", "maximize", path, writing=False).records()[0].params == params
    [trial] = optuna.load_study(
        study_name=None, storage=optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    ).get_trials()
    assert trial.params == params and trial.distributions == space.distributions(params)


def test_each_parameter_has_its_own_choices_for_optuna_though_they_are_equal(tmp_path: Path) -> None:
    kinds: dict[str, tuple[Value, ...]] = {"whole": (0, 1), "yes": (False, True), "real": (0.0, 1.0)}
    space = Space({name: Choice(values) for name, values in kinds.items()})
    path = tmp_path / "journal.log"
    study = Study("toy", "maximize", path)
    study.add(space, {name: values[1] for name, values in kinds.items()})
    study.flush()
    [trial] = optuna.load_study(
        study_name=None, storage=optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    ).get_trials()
    assert repr(trial.params) == repr({"whole": 1, "yes": True, "real": 1.0})


def test_a_reader_passes_over_half_a_line_that_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.log"
    Study("toy", "maximize", path).flush()
    is_whole = journal._is_whole

    def then_more(path: Path) -> bool:
        found = is_whole(path)
        with path.open("ab") as file:
            file.write(b'{"op_code":2,"study_')
        return found

    monkeypatch.setattr(journal, "_is_whole", then_more)
    assert Study("toy", "maximize", path, writing=False).facts() == {"attempt": 1}


def test_a_journal_keeps_no_operation_that_is_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    journal = BatchedJournal(path)
    for number in range(100):
        journal.append(study_noted("phase", number))
    journal.flush()
    held = [value for value in vars(journal).values() if hasattr(value, "__len__") and not isinstance(value, str)]
    assert held == [[]]
    again = BatchedJournal(path)
    assert [operation["user_attr"]["phase"] for operation in again.operations()] == list(range(100))
    again.append(study_noted("phase", 100))
    again.flush()
    assert Replay(BatchedJournal(path).operations()).facts == {"phase": 100}


def test_only_what_has_changed_is_made_anew_at_each_look(tmp_path: Path) -> None:
    study = Study("toy", "maximize", tmp_path / "journal.log")
    for _ in range(10):
        study.report(study.add(SPACE, {"lr": 0.5, "size": 1}), 1, 0.5)
    before = study.records()
    study.report(3, 2, 0.75)
    after = study.records()
    assert [new is old for new, old in zip(after, before, strict=True)] == [number != 3 for number in range(10)]
    assert (before[3].values, after[3].values) == ({1: 0.5}, {1: 0.5, 2: 0.75})


def test_all_trials_share_the_laws_of_their_parameters() -> None:
    first, second = (SPACE.distributions({"lr": lr, "size": 1}) for lr in (0.25, 0.5))
    assert first.keys() == {"lr", "size"} and first is second
