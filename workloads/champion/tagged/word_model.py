"""A trained recurrent model of labelled words: saved as plain files, loaded by MLflow or by ``load``.

model = mlflow.pyfunc.load_model("models:/NAME@champion")     # or workloads.champion.tagged.word_model.load(FOLDER)
model.predict([["Ann", "lives", "in", "Paris", "."], "a text is divided at white space"])
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from workloads.champion.export import trained
from workloads.champion.table_model import MODEL, WEIGHTS, Card, card_of, example_rows, model_of, read_card
from workloads.champion.tagged.sentences import labelled, sentences_of, text_of
from workloads.data.search_data import SearchData
from workloads.layers.text_codes import TextCodes, padded
from workloads.models.recurrent.words import Words

VOCABULARY = "words.json"
ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class WordModel:
    """A trained model of labelled words with its vocabulary: sentences in, labels out."""

    card: Card
    words: Words
    model: nn.Module
    packages: ClassVar[tuple[str, ...]] = ("paceline", "torch", "numpy", "pandas")
    """Packages that serving the model needs."""

    def predict(self, rows: Any, params: Any = None) -> Any:
        """Return a DataFrame with lists ``words``, ``labels`` and ``probabilities`` for each sentence.

        ``rows`` are as ``sentences_of`` takes them, which raises DataError for others. ``params`` is part of
        MLflow's signature and not used.
        """
        sentences, index = sentences_of(rows)
        return labelled(sentences, self._logits(sentences), self.card.classes, index)

    @torch.inference_mode()
    def _logits(self, sentences: Sequence[Sequence[str]]) -> list[Tensor]:
        codes = self.words.coded([(text_of(words),) for words in sentences])
        found: list[Tensor] = []
        for start in range(0, len(codes), ROWS_AT_ONCE):
            part = codes[start : start + ROWS_AT_ONCE]
            outputs = self.model(padded([row or [0] for row in part]))
            found += [output[: len(row)] for output, row in zip(outputs, part, strict=True)]
        return found

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and ``words.json`` (readable), and the weights (tensors only)."""
        folder.mkdir(exist_ok=True)
        (folder / MODEL).write_text(json.dumps(asdict(self.card), indent=1), encoding="utf-8")
        (folder / VOCABULARY).write_text(self.words.to_json(), encoding="utf-8")
        torch.save(self.model.state_dict(), folder / WEIGHTS)


def load(folder: Path | str) -> WordModel:
    """Return the model that ``save`` wrote to ``folder``."""
    folder = Path(folder)
    card = read_card(folder)
    words = Words.of_json((folder / VOCABULARY).read_text(encoding="utf-8"))
    return WordModel(card, words, model_of(card, folder))


def _load_pyfunc(data_path: str) -> WordModel:
    """Load the model for MLflow, which calls the function of this name in its loader module."""
    return load(data_path)


def made(workload_name: str, uri: str, search: SearchData) -> tuple[WordModel, Any]:
    """Return the model of the checkpoint ``uri``, with a few sentences of the training split as an example."""
    hp, data, model = trained(workload_name, uri, search)
    assert isinstance(data.prepare, TextCodes) and isinstance(data.prepare.tokens, Words)
    card = card_of(workload_name, uri, asdict(hp), data.shape, search)
    return WordModel(card, data.prepare.tokens, model.requires_grad_(False)), example_rows(search)
