"""A text encoder's trained classifier for raw texts: its weights, the tokenizer, and where the encoder comes from.

model = mlflow.pyfunc.load_model("models:/NAME@champion")     # or workloads.champion.language_model.load(FOLDER)
model.predict(["a fine film", "a dull one"])
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workloads.arrays import Column
from workloads.champion.encoders.base import found_base, keep_base
from workloads.champion.export import trained
from workloads.champion.table_model import MODEL, WEIGHTS, Card, card_of, example_rows, predicted, read_card
from workloads.champion.tagged.sentences import WORDS, labelled, sentences_of, text_of
from workloads.champion.text_model import frame_of
from workloads.data.search_data import SearchData
from workloads.layers.frozen_features import ScaledFeatures
from workloads.layers.text_codes import TextCodes
from workloads.models.language.inputs import Vectors
from workloads.models.language.labelled.inputs import words_encoder
from workloads.models.language.labelled.tokens import WordTokens
from workloads.models.language.labelled.vectors import WordVectors
from workloads.models.language.pretrained import Encoder, Tokens, encoder_of, reference
from workloads.registry import workload
from workloads.tables.columns import encode

SCALE = "scale.pt"
AT_ONCE = 64
"""Number of texts that a trained encoder reads at once."""


@dataclass(frozen=True)
class LanguageModel:
    """A classifier with what makes its inputs of raw texts."""

    card: Card
    inputs: Vectors | WordVectors | TextCodes
    model: nn.Module

    @property
    def network(self) -> Encoder:
        """The encoder, with what it has learned."""
        frozen = isinstance(self.inputs, Vectors | WordVectors)
        found = self.inputs.encoder if frozen else self.model.get_submodule("encoder")
        assert isinstance(found, Encoder)
        return found

    @property
    def tokens(self) -> Tokens:
        """The tokenizer."""
        found = self.inputs.tokens if isinstance(self.inputs, TextCodes) else self.inputs.coded.tokens
        assert isinstance(found, Tokens)
        return found

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages that serving the model needs."""
        adapters = ("peft",) if self.card.params["mode"] == "lora" else ()
        return ("paceline", "torch", "numpy", "pandas", "transformers", "tokenizers", "safetensors", *adapters)

    def predict(self, rows: Any, params: Any = None) -> Any:
        """Predict for texts: a DataFrame or records by column name, or a list or Series of texts, or of pairs.

        Returns a DataFrame as that of a table's model. A missing text is an empty one. Of labelled words rows are
        as ``sentences_of`` takes and ``labelled`` returns them. Raises DataError where there is no such
        column, or texts are in none of these forms. ``params`` is part of MLflow's signature and not used.
        """
        if self.card.shape.problem == "tagging":
            sentences, index = sentences_of(rows)
            return labelled(sentences, self._of_words(sentences), self.card.classes, index)
        frame = frame_of(rows, [column.name for column in self.card.columns])
        x, columns = encode(frame, self.card.columns, "the rows")
        inputs = self.inputs.of(columns)
        none = torch.zeros(0, self.card.shape.num_outputs)
        with torch.inference_mode():
            parts = torch.split(torch.from_numpy(x), AT_ONCE) if len(x) else ()
            outputs = torch.cat([none, *(self.model(inputs(part)) for part in parts)])
        return predicted(outputs.double().numpy(), self.card, frame.index)

    @torch.inference_mode()
    def _of_words(self, sentences: Sequence[Sequence[str]]) -> list[Tensor]:
        """Return logits (words that are read, labels) of each sentence."""
        texts = [text_of(words) for words in sentences]
        place = {text: float(k) for k, text in enumerate(dict.fromkeys(texts))}
        inputs = self.inputs.of((Column(WORDS, "text", tuple(place)),))
        parts = torch.split(torch.tensor([[place[text]] for text in texts]), AT_ONCE) if texts else ()
        found = [row for part in parts for row in self.model(inputs(part))]
        return [row[: len(words)] for row, words in zip(found, sentences, strict=True)]

    def save(self, folder: Path) -> None:
        """Write a readable card, the encoder's name and digest, the weights (tensors only) and the tokenizer.

        Frozen weights of an encoder are not saved: they are where its name says. Those of a model of MLflow are,
        and an encoder that was trained as a whole.
        """
        folder.mkdir(exist_ok=True)
        (folder / MODEL).write_text(json.dumps(asdict(self.card), indent=1), encoding="utf-8")
        hp: Any = workload(self.card.workload).hyperparameters(**self.card.params)
        whole = hp.mode == "full"
        keep_base(hp, self.tokens.tokenizer, folder, self.network if whole else None)
        state = {
            name: value for name, value in self.model.state_dict().items() if not (whole and _of_encoder(name))
        }
        torch.save(state, folder / WEIGHTS)
        if not isinstance(self.inputs, TextCodes):
            torch.save(self.inputs.scaled.state_dict(), folder / SCALE)


def _of_encoder(name: str) -> bool:
    return name.startswith("encoder.")


def load(folder: Path | str) -> LanguageModel:
    """Return the model that ``save`` wrote to ``folder``.

    Raises DataError where the encoder is not found, or is not the one of the training.
    """
    folder = Path(folder)
    card = read_card(folder)
    kind = workload(card.workload)
    hp: Any = kind.hyperparameters(**card.params)
    hp, tokens = found_base(hp, folder)
    of_words = card.shape.problem == "tagging"
    tokens = WordTokens(tokens.tokenizer, tokens.max_length) if of_words else tokens
    coded = TextCodes(tokens, card.columns, torch.empty(0))
    model = kind.build(hp, card.shape).float()
    state = torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True)
    lacking = model.load_state_dict(state, strict=hp.mode != "full").missing_keys
    assert all(map(_of_encoder, lacking)), lacking  # which is the encoder that was found
    model.eval().requires_grad_(False)
    if hp.mode != "features":
        return LanguageModel(card, coded, model)
    scaled = ScaledFeatures(torch.zeros(2, card.shape.example[-1]))
    scaled.load_state_dict(torch.load(folder / SCALE, map_location="cpu", weights_only=True))
    encoder = (words_encoder if of_words else encoder_of)(hp).requires_grad_(False)
    vectors = WordVectors(coded, encoder, scaled) if of_words else Vectors(coded, encoder, scaled)
    return LanguageModel(card, vectors, model)


def _load_pyfunc(data_path: str) -> LanguageModel:
    """Load the model for MLflow, which calls the function of this name in its loader module."""
    return load(data_path)


def made(workload_name: str, uri: str, search: SearchData) -> tuple[LanguageModel, Any]:
    """Return the model of the checkpoint ``uri``, with a few texts of the training split as an example."""
    hp, data, model = trained(workload_name, uri, search)
    inputs = data.prepare
    assert isinstance(inputs, Vectors | WordVectors | TextCodes)
    if not isinstance(inputs, TextCodes):  # rows that it serves are not kept
        inputs = type(inputs)(inputs.coded, inputs.encoder, inputs.scaled)
    params = {**asdict(hp), "model": reference(hp.model)}
    card = card_of(workload_name, uri, params, data.shape, search)
    return LanguageModel(card, inputs, model.requires_grad_(False)), example_rows(search)
