"""Predicts with the text encoder and the classifier beside this file, by torch and transformers alone.

python predict.py "a fine film" "a dull one"        (of a model of pairs: the texts of each, one behind the other)
"""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path
from typing import Any


class Model:
    """An encoder, and a linear layer on its vectors."""

    def __init__(self, folder: Path | str) -> None:
        import torch
        from safetensors.torch import load_file
        from transformers import AutoModel, AutoTokenizer, logging

        logging.set_verbosity_error()  # of a pooling layer that is not used
        logging.disable_progress_bar()
        folder = Path(folder).resolve()
        self.card = json.loads((folder / "paceline.json").read_text(encoding="utf-8"))
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.encoder = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.head = load_file(folder / "head.safetensors")

    def __call__(self, texts: list[Any]) -> Any:
        """Return logits (rows, classes) of ``card["classes"]`` for texts or pairs, or numbers (rows, 1)."""
        import torch

        pairs = self.card["columns"] == 2
        if any(isinstance(text, str) == pairs for text in texts):
            raise ValueError("must be a list of pairs of texts" if pairs else "must be a list of texts")
        columns = zip(*texts, strict=True) if pairs else [texts]
        most = self.card["max_length"]
        tokens = self.tokenizer(
            *([_composed(text) for text in column] for column in columns),
            truncation=True,
            max_length=most,
            padding=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            found = self.encoder(**tokens, output_hidden_states=True)
            layers = [*found.hidden_states[:-1], found.last_hidden_state][-self.card["pooled_layers"] :]
            states = torch.cat(layers, -1)
            there = tokens["attention_mask"].unsqueeze(-1)
            mean = (states * there).sum(1) / there.sum(1).clamp(min=1)
            vectors = states[:, 0] if self.card["pooling"] == "first" else mean
            return vectors @ self.head["weight"].T + self.head["bias"]


def _composed(text: str) -> str:
    """Return a text as those of the training were: without blanks around it, accents part of their letters."""
    return unicodedata.normalize("NFC", text).strip()


if __name__ == "__main__":
    model = Model(Path(__file__).parent)
    given: list[Any] = sys.argv[1:]
    if model.card["columns"] == 2:
        given = list(zip(given[::2], given[1::2], strict=True))
    for text, row in zip(given, model(given), strict=True):
        classes = model.card["classes"]
        found = dict(zip(classes, row.softmax(0).tolist(), strict=True)) if classes else row.item()
        print(json.dumps({"text": text, "prediction": found}, ensure_ascii=False))
