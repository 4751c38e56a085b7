"""Metrics over a whole split, for a cohort at once: of classifiers as scikit-learn defines them, and of texts."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor


def token_metrics(sums: Mapping[str, Tensor], characters: Tensor) -> dict[str, Tensor]:
    """Return the metrics of a language model from sums over a split's tokens: nats, hits and their number.

    ``characters`` is the number of characters of these tokens: bits a character do not depend on the tokenizer.
    """
    loss = sums["nats"] / sums["number"]
    return {
        "loss": loss,
        "bits_per_character": sums["nats"] / characters / math.log(2),
        "perplexity": loss.exp(),
        "accuracy": sums["hits"] / sums["number"],
    }


def by_class(predicted: Tensor, y: Tensor, num_classes: int) -> dict[str, Tensor]:
    """Return balanced accuracy and the means over classes of precision, recall and F1, float64 (members,).

    ``predicted`` is (members, examples), ``y`` (examples,). A class that is never predicted has precision 0; one
    that is neither predicted nor a label is left out. Balanced accuracy is the mean recall of the labels' classes.
    A prediction of ``num_classes`` is none.
    """
    ones = torch.ones((), dtype=torch.float64, device=y.device)
    zeros = torch.zeros(len(predicted), num_classes + 1, dtype=torch.float64, device=y.device)
    labels = y.expand(predicted.shape)
    hits = zeros.scatter_add(1, labels, (predicted == labels).double())
    found = zeros.scatter_add(1, predicted, ones.expand(predicted.shape))
    there = zeros.scatter_add(1, labels, ones.expand(predicted.shape))
    hits, found, there = (counts[:, :num_classes] for counts in (hits, found, there))
    recall, precision = hits / there.clamp(min=1), hits / found.clamp(min=1)
    f1 = 2 * hits / (there + found).clamp(min=1)
    seen = ((there + found) > 0).double()
    known = (there > 0).double()
    macro = {"precision_macro": precision, "recall_macro": recall, "f1_macro": f1}
    means = {name: (value * seen).sum(1) / seen.sum(1) for name, value in macro.items()}
    return {"balanced_accuracy": (recall * known).sum(1) / known.sum(1), **means}


def roc_auc(probabilities: Tensor, y: Tensor) -> Tensor:
    """Return the area under the ROC curve, float64 (members,), averaged over each class against the rest.

    ``probabilities`` are (members, examples, classes); of two classes only the second counts. An area is the share
    of pairs, one example of the class and one of the rest, that are in the right order; ties count half (Hanley &
    McNeil 1982). Classes without an example, or with all of them, are left out. NaN where no class is left, or a
    probability is not finite.
    """
    num_classes = probabilities.shape[-1]
    classes = range(1, 2) if num_classes == 2 else range(num_classes)
    areas = [_area(probabilities[..., c], y == c) for c in classes if 0 < int((y == c).sum()) < len(y)]
    if not areas:
        return torch.full((len(probabilities),), torch.nan, dtype=torch.float64, device=y.device)
    return torch.stack(areas).mean(0)


def roc_auc_by_row(probabilities: Tensor, y: Tensor) -> Tensor:
    """Return the jackknife's pseudo-values of ``roc_auc``, (members, examples), whose means are the areas.

    In closed form (DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44(3)): an area without one example is that of
    all without this example's pairs. NaN where a class, or its rest, has one example; empty classes are left out.
    """
    num_classes = probabilities.shape[-1]
    classes = range(1, 2) if num_classes == 2 else range(num_classes)
    found = [_pseudo(probabilities[..., c], y == c) for c in classes if 0 < int((y == c).sum()) < len(y)]
    if not found:
        return torch.full(probabilities.shape[:-1], torch.nan, dtype=torch.float64, device=y.device)
    return torch.stack(found).mean(0)


def _pseudo(scores: Tensor, positive: Tensor) -> Tensor:
    num, num_positive = len(positive), int(positive.sum())
    won = torch.empty(scores.shape, dtype=torch.float64, device=scores.device)
    won[:, positive] = _share_below(scores[:, ~positive], scores[:, positive])
    won[:, ~positive] = 1 - _share_below(scores[:, positive], scores[:, ~positive])
    area = won[:, positive].mean(1, keepdim=True)
    alike = torch.where(positive, num_positive, num - num_positive).double()
    without = (alike * area - won) / (alike - 1)
    return num * area - (num - 1) * without


def _share_below(others: Tensor, scores: Tensor) -> Tensor:
    """Return the share of ``others`` below each score, ties counted half."""
    ordered = others.sort(dim=1).values
    below = torch.searchsorted(ordered, scores.contiguous())
    up_to = torch.searchsorted(ordered, scores.contiguous(), right=True)
    return (below + up_to).double() / (2 * others.shape[1])


def _area(scores: Tensor, positive: Tensor) -> Tensor:
    """Return Mann-Whitney's U over the number of pairs, (members,), for scores (members, examples)."""
    ordered = scores.sort(dim=1).values
    below = torch.searchsorted(ordered, scores.contiguous())
    up_to = torch.searchsorted(ordered, scores.contiguous(), right=True)
    ranks = (below + up_to + 1).double() / 2
    num_positive = int(positive.sum())
    num_pairs = num_positive * (len(positive) - num_positive)
    u = (ranks * positive).sum(1) - num_positive * (num_positive + 1) / 2
    area = u / num_pairs
    return torch.where(scores.isfinite().all(1), area, torch.nan)
