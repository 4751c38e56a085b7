"""The task of labelled words: cross-entropy of each word, and the spans that labels such as ``B-PER`` mark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from workloads.data.raw import NOT_COUNTED
from workloads.data.tagged.schemes import scheme_of
from workloads.tasks.contract import Model, Numbers, _at_least_float32
from workloads.tasks.spans import label_scores, span_scores


def is_read(logits: Tensor) -> Tensor:
    """Return which words a model has read, (...), by logits (..., labels); one with NaN among its logits is not.

    Equal logits say nothing of it: in bfloat16 two labels of a word that is read often have the same.
    """
    return logits.abs().amax(-1) > 0


@dataclass(frozen=True)
class Tagging:
    """Cross-entropy in nats a word. Outputs are (..., batch, words, labels), targets (..., batch, words).

    Only words that have a label count: behind a sentence's end ``y`` is NOT_COUNTED. A word that a model does not
    read has logits of exactly 0, or none: it has no prediction, so it is wrong, and outside of spans.
    """

    labels: tuple[str, ...]
    words_a_sentence: float
    """Mean number of words of a training sentence.

    The loss is a batch's sum divided by as many words as its sentences have on average. So the gradients of parts
    add up to that of the whole, and each word counts the same, however long the sentences of its batch are.
    """

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Return the loss with label smoothing, and sums a sentence of nats, hits and words."""
        logits = _at_least_float32(model(x))
        y = y[..., : logits.shape[-2]]
        real = (y != NOT_COUNTED).to(logits.dtype).expand(logits.shape[:-1])
        codes = y.clamp(min=0).expand(logits.shape[:-1])
        costs = -logits.log_softmax(-1)
        own, uniform = costs.gather(-1, codes.unsqueeze(-1)).squeeze(-1), costs.mean(-1)
        smoothed = torch.lerp(own, uniform, numbers["label_smoothing"].to(logits.dtype)[..., None, None])
        hits = (logits.max(-1).indices == codes).to(logits.dtype)
        sums = {"nats": own.detach() * real, "hits": hits * real, "words": real}
        loss = (smoothed * real).sum(-1).mean(-1) / self.words_a_sentence
        return {"loss": loss, **{name: values.sum(-1).mean(-1) for name, values in sums.items()}}

    def over_epoch(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the means with ``train_loss`` and ``train_accuracy`` by word."""
        others = {name: value for name, value in means.items() if name not in ("nats", "hits", "words")}
        words = means["words"]
        return {**others, "train_loss": means["nats"] / words, "train_accuracy": means["hits"] / words}

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return each sentence's nats, and its words' predicted labels, NOT_COUNTED where there is none."""
        logits = _at_least_float32(model(x))
        # A model reads the words of the longest sentence in a batch, or fewer: of the others it says nothing.
        logits = torch.nn.functional.pad(logits, (0, 0, 0, y.shape[-1] - logits.shape[-2]))
        real = y != NOT_COUNTED
        codes = y.clamp(min=0).expand(logits.shape[:-1]).unsqueeze(-1)
        nats = (logits.logsumexp(-1) - logits.gather(-1, codes).squeeze(-1)) * real
        told = real & is_read(logits)
        return {"nats": nats.sum(-1), "predicted": torch.where(told, logits.max(-1).indices, NOT_COUNTED)}

    def by_row(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return nothing: sentences count different numbers of words."""
        return {}

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return loss and accuracy by word; precision, recall and F1 of spans, without spans means over labels."""
        predicted = values["predicted"].long()
        real = y != NOT_COUNTED
        number = real.sum().clamp(min=1)
        scheme = scheme_of(self.labels)
        scores = (
            label_scores(predicted, y, len(self.labels)) if scheme is None else span_scores(predicted, y, scheme)
        )
        return {
            "loss": values["nats"].double().sum(1) / number,
            "accuracy": ((predicted == y) & real).sum((1, 2)).double() / number,
            **scores,
        }
