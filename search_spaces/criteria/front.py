"""Order of trials with several objectives, and the hypervolume of their front. All values are to be minimised.

Ranks are those of non-dominated sorting (Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic Algorithm:
NSGA-II", section III-A). Within a rank the order is that of an epsilon-net (Schmucker et al. 2021, "Multi-objective
Asynchronous Successive Halving", section 4): each next one is the farthest from all before it.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def ranks(points: Array) -> Array:
    """Return the rank of each of the points (n, m): 0 on the front, 1 on the front without those, and so on."""
    dominates, found = _dominates(points), np.zeros(len(points), int)
    num_before, left, rank = dominates.sum(0), np.ones(len(points), bool), 0
    while left.any():
        first = left & (num_before == 0)
        found[first], left = rank, left & ~first
        num_before = num_before - dominates[first].sum(0)
        rank += 1
    return found


def ordered(points: Array) -> list[int]:
    """Return the places of the points (n, m), the best rank first, each rank in the order of an epsilon-net.

    A rank begins with its best point in the first objective.
    """
    if not len(points):
        return []
    of, found = ranks(points), list[int]()
    for rank in range(of.max() + 1):
        places = np.flatnonzero(of == rank)
        found += places[_epsilon_net(points[places])].tolist()
    return found


def front(points: Array) -> list[int]:
    """Return the places of the points (n, m) that no other dominates, in the order of the first objective."""
    on = np.flatnonzero(ranks(points) == 0) if len(points) else np.zeros(0, int)
    return [int(place) for place in on[np.lexsort((on, points[on, 0]))]] if len(on) else []


def hypervolume(points: Array, reference: Array) -> float:
    """Return the volume that the points (n, m) dominate before the ``reference`` (m,), exactly.

    In slices of the last objective, and with three by a grid: 0.4 s for 800 points of four, with fewer 0.02 s.
    """
    inside = points[(points < reference).all(1)]
    if not len(inside):
        return 0.0
    if inside.shape[1] == 1:
        return float(reference[0] - inside.min())
    best = np.unique(inside[ranks(inside) == 0], axis=0)
    if best.shape[1] == 3:
        return _by_grid(best, reference)
    slices = best[np.argsort(best[:, -1], kind="stable")]
    heights = np.diff(np.append(slices[:, -1], reference[-1]))
    if slices.shape[1] == 2:
        return float((heights * (reference[0] - np.minimum.accumulate(slices[:, 0]))).sum())
    before, volume, total = slices[:0, :-1], 0.0, 0.0
    for shade, height in zip(slices[:, :-1], heights, strict=True):
        if not (before <= shade).all(1).any():
            before = np.vstack([before[(before < shade).any(1)], shade])
            volume = hypervolume(before, reference[:-1])
        total += float(height) * volume
    return total


def _by_grid(points: Array, reference: Array) -> float:
    """Return the volume of three objectives: between two values of the first two the deepest before counts."""
    x, y = np.argsort(points[:, 0], kind="stable"), np.argsort(points[:, 1], kind="stable")
    depth = np.zeros((len(points),) * 2)
    depth[np.argsort(x), np.argsort(y)] = reference[2] - points[:, 2]
    depth = np.maximum.accumulate(np.maximum.accumulate(depth, axis=0), axis=1)
    widths = [np.diff(np.append(points[order, axis], reference[axis])) for axis, order in enumerate((x, y))]
    return float(widths[0] @ depth @ widths[1])


def _dominates(points: Array) -> Array:
    """Return (n, n) whether the first point is nowhere worse than the second, and better somewhere."""
    nowhere_worse, better = np.ones((len(points),) * 2, bool), np.zeros((len(points),) * 2, bool)
    for values in points.T:
        nowhere_worse &= values[:, None] <= values
        better |= values[:, None] < values
    return np.asarray(nowhere_worse & better)


def _epsilon_net(points: Array) -> list[int]:
    bounded = np.clip(points, -1e100, 1e100)
    low, width = bounded.min(0), np.ptp(bounded, axis=0)
    scaled = (bounded - low) / np.where(width > 0, width, 1.0)
    found = [int(np.lexsort((np.arange(len(points)), scaled.sum(1), scaled[:, 0]))[0])]
    nearest = np.linalg.norm(scaled - scaled[found[0]], axis=1)
    taken = np.zeros(len(points), bool)
    taken[found[0]] = True
    while len(found) < len(points):
        following = int(np.argmax(np.where(taken, -1.0, nearest)))
        found.append(following)
        taken[following] = True
        nearest = np.minimum(nearest, np.linalg.norm(scaled - scaled[following], axis=1))
    return found
