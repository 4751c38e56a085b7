"""What differs between two trials, of one sweep or of two."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from cluster.sweep.comparing.one_trial import trial_of
from cluster.sweep.reading import Reading
from cluster.terminal.records import Row

Side = tuple[Reading, Row]
SHOWN = ("status", "epochs", "best_value", "value", "seconds", "place")
OF_TRIALS = ("parameters", "name", "trials", "start_from", "warm_start")
"""Keys of a spec that say nothing of how one trial is trained and judged, or that its configuration says."""


def difference(first: Side, second: Side) -> dict[str, Any]:
    """Return the document of ``paceline diff``: both trials, and each that differs as ``[first, second]``.

    A hyperparameter that one side has not is null there. ``spec`` are the dotted keys by which the sweeps differ
    besides their spaces; of one sweep there are none.
    """
    sides = [trial_of(*first), trial_of(*second)]
    settings = [{k: one["value"] for k, one in side["configuration"].items()} for side in sides]
    names = list(dict.fromkeys([*settings[0], *settings[1]]))
    differing = {name: [one.get(name) for one in settings] for name in names if not _equal(name, *settings)}
    metrics = [side["metric"] for side in sides]
    return {
        "trials": [{"sweep": side["sweep"], "trial": side["name"]} for side in sides],
        "metrics": metrics,
        "comparable": metrics[0] == metrics[1],
        "configuration": differing,
        "num_equal": len(names) - len(differing),
        "results": {name: [side[name] for side in sides] for name in SHOWN},
        "spec": {} if first[0].home.id == second[0].home.id else specs([first[0], second[0]], OF_TRIALS),
        "curves": [side["curves"] for side in sides],
    }


def _equal(name: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    return name in first and name in second and first[name] == second[name]


def specs(reads: Sequence[Reading], without: Container[str] = ("name",)) -> dict[str, list[Any]]:
    """Return the keys by which the sweeps' specs differ, with each sweep's value; null where it has none.

    Groups of the top level come apart, as ``parameters.lr``, where no sweep has a word in their place. ``without``
    are keys of the top level that are left out.
    """
    trees = [read.sweep.to_tree() for read in reads]
    found: dict[str, list[Any]] = {}
    for name in dict.fromkeys(name for tree in trees for name in tree if name not in without):
        each = [tree.get(name) for tree in trees]
        if all(one is None or isinstance(one, Mapping) for one in each):
            inner = dict.fromkeys(key for one in each for key in one or ())
            found |= {f"{name}.{key}": [(one or {}).get(key) for one in each] for key in inner}
        else:
            found[name] = each
    return {name: values for name, values in found.items() if any(value != values[0] for value in values)}
