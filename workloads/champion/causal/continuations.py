"""A trained causal model for raw texts: its weights, the tokenizer, and where the pre-trained one comes from.

model = mlflow.pyfunc.load_model("models:/NAME@champion")     # or this module's load(FOLDER)
model.predict(["2 + 3 = "], params={"max_new_tokens": 20})
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from workloads.arrays import Column, DataError
from workloads.champion.encoders.base import found_base, keep_base
from workloads.champion.export import trained
from workloads.champion.table_model import MODEL, PREDICTION, WEIGHTS, Card, card_of, example_rows, read_card
from workloads.champion.text_model import frame_of
from workloads.data.search_data import SearchData
from workloads.models.language.causal.codes import matrix
from workloads.models.language.causal.decoder import Decoder, decoder_of
from workloads.models.language.causal.inputs import Rows
from workloads.models.language.causal.sample import Manner, written
from workloads.models.language.causal.tokens import CausalTokens, examples
from workloads.models.language.causal.tuned import TunedDecoder
from workloads.models.language.pretrained import reference
from workloads.registry import workload
from workloads.tasks.next_tokens import SUMS

PARAMS: Mapping[str, Any] = {"max_new_tokens": 64, "temperature": 0.0, "seed": 0}
"""What ``predict`` takes beside texts, with the defaults: the likeliest tokens."""
AT_ONCE = 16
"""Number of texts that are continued at once."""
TEXT, NUM_EXAMPLES, EXAMPLE_CHARACTERS = "text", 2, 40
"""Name of the only column of a model of one text, and the size of its example."""


@dataclass(frozen=True)
class Continuations:
    """A causal model with its tokenizer: texts in, their continuations out."""

    card: Card
    tokens: CausalTokens
    model: TunedDecoder

    @property
    def network(self) -> Decoder:
        """The causal model, with what it has learned."""
        return self.model.decoder

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages that serving the model needs."""
        adapters = ("peft",) if self.card.params["mode"] == "lora" else ()
        return ("paceline", "torch", "numpy", "pandas", "transformers", "tokenizers", "safetensors", *adapters)

    def predict(self, rows: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Continue texts: a DataFrame or records by column name, or a list or Series of texts.

        Returns a DataFrame with the column ``prediction``. ``params`` are those of ``PARAMS``: a ``temperature`` of
        0 takes the likeliest tokens, any other divides the logits before tokens are drawn with ``seed``. Where the
        column of completions is there, too, ``loss`` (nats a token) and ``perplexity`` of these follow. A missing
        text is an empty one. Raises DataError for other forms of rows, and for params that cannot be.
        """
        import pandas as pd

        how, name = _manner(params), self.card.columns[0].name
        frame = frame_of(rows, [name])
        if name not in frame:
            raise DataError(f"the rows: have no column {name!r}, the texts to continue")
        prompts = self.tokens.prompts(frame[name].fillna("").astype(str).tolist())
        found: list[str] = []
        for start in range(0, len(prompts), AT_ONCE):
            found += written(self.tokens, self.model, prompts[start : start + AT_ONCE], how)
        answer = pd.DataFrame({PREDICTION: pd.Series(found, index=frame.index, dtype=object)})
        last = self.card.columns[-1].name
        return (
            answer if last == name or last not in frame else answer.assign(**self._likelihood(frame[[name, last]]))
        )

    @torch.inference_mode()
    def _likelihood(self, frame: Any) -> dict[str, Any]:
        pairs = list(frame.fillna("").astype(str).itertuples(index=False, name=None))
        rows = examples(self.tokens, pairs)
        parts = [self.model(matrix(rows[k : k + AT_ONCE])).double() for k in range(0, len(rows), AT_ONCE)]
        told = (
            dict(zip(SUMS, torch.cat(parts).unbind(1), strict=True))
            if parts
            else dict.fromkeys(SUMS, torch.ones(0))
        )
        loss = told["nats"] / told["number"]
        return {"loss": loss.numpy(), "perplexity": loss.exp().numpy()}

    def save(self, folder: Path) -> None:
        """Write a readable card, the pre-trained model's name and digest, the weights and the tokenizer.

        Frozen weights are not saved: they are where its name says. A model that was trained as a whole is, as a
        folder that Hugging Face's libraries load.
        """
        folder.mkdir(exist_ok=True)
        (folder / MODEL).write_text(json.dumps(asdict(self.card), indent=1), encoding="utf-8")
        hp: Any = workload(self.card.workload).hyperparameters(**self.card.params)
        whole = self.network if hp.mode == "full" else None
        keep_base(hp, self.tokens.tokenizer, folder, whole, decoder_of)
        torch.save({} if whole else self.model.state_dict(), folder / WEIGHTS)


def _manner(params: Mapping[str, Any] | None) -> Manner:
    """Return how texts are to be continued. Raises DataError with all that is wrong."""
    given = {**PARAMS, **(params or {})}
    rules = {"max_new_tokens": (1, int), "temperature": (0, float), "seed": (0, int)}
    faults = [f"unknown {name!r}, there are {', '.join(PARAMS)}" for name in given if name not in rules]
    for name, (low, kind) in rules.items():
        try:
            good = kind(given[name]) >= low
        except (TypeError, ValueError):
            good = False
        faults += [] if good else [f"{name} must be at least {low}, received {given[name]!r}"]
    if faults:
        raise DataError(f"params: {'; '.join(faults)}")
    return Manner(int(given["max_new_tokens"]), float(given["temperature"]), int(given["seed"]))


def load(folder: Path | str) -> Continuations:
    """Return the model that ``save`` wrote to ``folder``.

    Raises DataError where the pre-trained model is not found, or is not the one of the training.
    """
    folder = Path(folder)
    card = read_card(folder)
    hp: Any = workload(card.workload).hyperparameters(**card.params)
    hp, tokens = found_base(hp, folder, decoder_of)
    model = TunedDecoder(hp).float()
    state = torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True)
    model.load_state_dict(state, strict=hp.mode != "full")  # which is the model that was found
    return Continuations(card, CausalTokens(tokens.tokenizer, hp.max_length), model.eval().requires_grad_(False))


def _load_pyfunc(data_path: str) -> Continuations:
    """Load the model for MLflow, which calls the function of this name in its loader module."""
    return load(data_path)


def made(workload_name: str, uri: str, search: SearchData) -> tuple[Continuations, Any]:
    """Return the model of the checkpoint ``uri``, with a few texts of the training split as an example."""
    import pandas as pd

    hp, data, model = trained(workload_name, uri, search)
    assert isinstance(data.prepare, Rows) and isinstance(model, TunedDecoder)
    params = {**asdict(hp), "model": reference(hp.model)}
    card = card_of(workload_name, uri, params, data.shape, search)
    if not card.columns:
        card = Card(**{**vars(card), "columns": (Column(TEXT, "text"),)})
        text, size = search.train.text, EXAMPLE_CHARACTERS
        rows = pd.DataFrame({TEXT: [text[k * size : (k + 1) * size] for k in range(NUM_EXAMPLES)]})
    else:
        rows = example_rows(search)[[card.columns[0].name]]
    return Continuations(card, data.prepare.tokens, model.requires_grad_(False)), rows
