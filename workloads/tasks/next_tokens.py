"""The task of a causal model: the tokens of a text, or of a completion, are predicted from those before them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from workloads.tasks.contract import Model, Numbers
from workloads.tasks.metrics import token_metrics

SUMS = ("nats", "hits", "uniform", "number", "characters")
"""What a model returns of each row: sums over the tokens that count, their number, and that of their characters.

``uniform`` is the cross-entropy of a uniform distribution, by which labels are smoothed.
"""

TRAINED = ("nats", "hits", "number")
"""Those of which the ``train_*`` metrics are made: a row that no mini-batch takes counts in neither."""


@dataclass(frozen=True)
class NextTokens:
    """Negative log-likelihood in nats a token. Models return ``SUMS`` of each row, (..., batch, 5).

    Metrics are those of all tokens of a split together, however its rows are divided among batches.
    """

    targets_each: float = 1.0
    """Mean number of tokens that count in a training row.

    A mini-batch's loss is divided by it, and not by the batch's own number: so micro-batches, and the parts of
    several processes, add up to the loss of the whole, and each token counts the same.
    """

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Return the loss with smoothed labels, and sums a row of nats, hits and tokens that count.

        ``y`` is not used: ``x`` holds what is predicted.
        """
        told = dict(zip(SUMS, model(x).unbind(-1), strict=True))
        smoothing = numbers["label_smoothing"].to(told["nats"].dtype).unsqueeze(-1)
        loss = (told["nats"] + smoothing * (told["uniform"] - told["nats"])) / self.targets_each
        return {"loss": loss.mean(-1), **{name: told[name].detach().mean(-1) for name in TRAINED}}

    def over_epoch(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the means with ``train_loss``, ``train_perplexity`` and ``train_accuracy`` by token."""
        others = {name: value for name, value in means.items() if name not in TRAINED}
        loss, accuracy = (means[name] / means["number"] for name in ("nats", "hits"))
        return {**others, "train_loss": loss, "train_perplexity": loss.exp(), "train_accuracy": accuracy}

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return ``SUMS`` of each row but ``uniform``, in float64."""
        told = dict(zip(SUMS, model(x).double().unbind(-1), strict=True))
        del told["uniform"]
        return told

    def by_row(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return nothing: rows count different numbers of tokens."""
        return {}

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return means over all tokens, the perplexity, and bits a character, which no tokenizer changes."""
        sums = {name: value.double().sum(1) for name, value in values.items()}
        return token_metrics(sums, sums["characters"])
