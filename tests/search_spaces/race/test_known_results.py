"""Results of earlier sweeps that a race takes over: the same end, and nothing trained twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from search_spaces.race.earlier.known_results import NO_RESULTS, KnownResult, KnownResults, known_values
from search_spaces.race.legs import Leg
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.race.track import Track
from search_spaces.simulation.clock import World, simulate
from search_spaces.spec.sweep import Sweep
from search_spaces.study.study import Study
from search_spaces.types.values import identity
from tests.helpers.toy_race import Toy, curve, toy_sweep


def trained(race: Race) -> Counter[int]:
    """Run the race to its end; return the epochs that each trial trained."""
    legs: dict[int, Leg] = {}

    def seconds(leg: Leg) -> float:
        legs[leg.id] = leg
        return 1000.0

    simulate(race, World(curve, epoch_s=seconds), moments=False)
    epochs: Counter[int] = Counter()
    for leg in legs.values():
        epochs.update({member.trial: leg.stop - leg.start for member in leg.members})
    return epochs


def known(race: Race, proposals: bool = True, epochs: int = 99) -> KnownResults:
    results = {
        identity(track.params): KnownResult(
            sweep="a1b2",
            trial=track.trial,
            values={epoch: value for epoch, value in known_values(track.values).items() if epoch <= epochs},
        )
        for track in race.tracks
    }
    return KnownResults(results, [track.searched for track in race.tracks] if proposals else ())


def end(race: Race) -> list[Any]:
    return [(track.searched, track.state, dict(track.values), track.best_value) for track in race.tracks]


@pytest.mark.parametrize(
    ("kind", "method"),
    [("asha", "tpe"), ("asha_stopping", "random"), ("hyperband", "random"), ("median", "random"), ("none", "qmc")],
)
def test_an_equal_sweep_trains_nothing_again(kind: str, method: str) -> None:
    sweep = toy_sweep(method=method, trials=14, early_terminate={"type": kind})
    first = Search(sweep, Toy, None).race(2)
    spent = trained(first)
    again = Search(sweep, Toy, None, cache=known(first)).race(1)
    more = trained(again)
    assert [track.searched for track in again.tracks] == [track.searched for track in first.tracks]
    assert spent.total() >= 30 and more.total() <= 0.4 * spent.total(), (
        "but for what another order of events promotes"
    )
    for track in again.tracks:
        assert track.values == {epoch: curve(track.params, epoch) for epoch in track.values}
        assert track.cached is not None and track.cached.trial == track.trial


def test_cohorts_are_proposed_as_they_were() -> None:
    sweep = toy_sweep(method="random", trials=24, train_together=6, early_terminate={"type": "none"})
    first = Search(sweep, Toy, None).race(1)
    trained(first)
    again = Search(sweep, Toy, None, cache=known(first)).race(1)
    assert not trained(again) and [t.searched for t in again.tracks] == [t.searched for t in first.tracks]


def test_a_longer_sweep_pays_for_the_new_trials_alone(tmp_path: Path) -> None:
    sweep = toy_sweep(method="random", trials=8, train_together=1, early_terminate={"type": "none"})
    first = Search(sweep, Toy, None).race(1)
    trained(first)
    longer = sweep.model_copy(update={"trials": 11})
    study = Study("toy", "maximize", tmp_path / "journal.log")
    race = Search(longer, Toy, study, cache=known(first)).race(1)
    assert trained(race) == Counter({8: 9, 9: 9, 10: 9})
    assert race.purse.epochs == 27 == Search(longer, Toy, study).race(1).purse.epochs, "nor after a resume"
    plain = Search(longer, Toy, None).race(1)
    trained(plain)
    assert end(race) == end(plain)


def test_what_is_known_in_part_is_trained_from_the_beginning_beyond_it() -> None:
    sweep = toy_sweep(trials=6, train_together=1)
    first = Search(sweep, Toy, None).race(1)
    trained(first)
    race = Search(sweep, Toy, None, cache=known(first, epochs=3)).race(1)
    epochs = trained(race)
    done = [track for track in race.tracks if track.state == "done"]
    assert epochs == Counter({track.trial: 9 for track in done}) and done
    assert all(track.epoch == 9 and track.values[9] == curve(track.params, 9) for track in done)
    assert {track.cached.epoch for track in race.tracks if track.cached} <= {1, 3}


def test_a_search_of_another_kind_takes_over_equal_configurations() -> None:
    starts = tuple({"lr": i / 10, "size": 2} for i in range(1, 6))
    first = Search(toy_sweep(trials=6, start_from=starts, train_together=1), Toy, None).race(1)
    trained(first)
    other = toy_sweep(
        trials=9, start_from=starts[2:], train_together=1, method="tpe", early_terminate={"type": "none"}
    )
    race = Search(other, Toy, None, cache=known(first, proposals=False)).race(1)
    epochs = trained(race)
    whole = {track.params["lr"] for track in first.tracks if len(track.values) == 9}
    assert [track.trial for track in race.tracks if not epochs[track.trial]] == [
        track.trial for track in race.tracks[:4] if track.params["lr"] in whole
    ]
    assert race.tracks[1].searched == starts[2]


def test_patience_counts_as_it_did() -> None:
    sweep = toy_sweep(trials=2, train_together=1, start_from=({"lr": 0.2, "size": 1},))
    full = Search(sweep, Toy, None).race(1).rules and {"lr": 0.2, "size": 1, "kind": "a"}
    result = KnownResult(
        sweep="a1b2", trial=7, values={1: 0.9, 2: 0.91}, is_settled=True, best_epoch=2, beside={"x": 1.0}
    )
    race = Search(sweep, Toy, None, cache=KnownResults({identity(full): result})).race(1)
    epochs = trained(race)
    track = race.tracks[1]
    assert (track.state, track.last, track.values, dict(track.beside)) == ("done", 2, {1: 0.9, 2: 0.91}, {"x": 1.0})
    assert epochs[1] == 0


def test_a_driver_that_dies_goes_on_with_what_it_took_over(tmp_path: Path) -> None:
    """Though the earlier sweep is gone by then."""
    sweep = toy_sweep(trials=8, train_together=1)
    first = Search(sweep, Toy, None).race(1)
    trained(first)
    results = known(first, epochs=3)
    study = Study("toy", "maximize", tmp_path / "journal.log")
    race = Search(sweep, Toy, study, cache=results).race(1)
    leg = race.next_leg()
    assert leg is not None and leg.start == 0 and leg.stop == 9
    before: Mapping[int, Track] = {track.index: track for track in race.tracks}
    again = Search(sweep, Toy, study, cache=NO_RESULTS).race(1)
    for track in again.tracks:
        assert (track.values, track.trained, track.cached) == (
            before[track.index].values,
            before[track.index].trained,
            before[track.index].cached,
        )
    epochs = trained(again)
    assert epochs == Counter({track.trial: 9 for track in again.tracks if track.state == "done"})


def test_known_values_end_where_one_is_missing() -> None:
    assert known_values({1: 0.1, 2: 0.2, 4: 0.4}) == {1: 0.1, 2: 0.2}
    assert known_values({2: 0.2}) == {}
    result = KnownResult(sweep="a", trial=0, values={1: 0.1, 2: 0.2, 3: 0.3})
    assert [result.until(0, 1), result.until(1, 3), result.until(0, 9), result.until(3, 9)] == [1, 3, None, None]


def test_an_edited_search_proposes_anew() -> None:
    sweep: Sweep = toy_sweep(trials=6)
    first = Search(sweep, Toy, None).race(1)
    trained(first)
    search = Search(sweep, Toy, None, cache=known(first))
    search.edit(sweep, search.warm, search.race(1))
    assert search.cache.proposals == () and search.cache.results
