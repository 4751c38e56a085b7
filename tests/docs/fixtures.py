"""The files that a spec on a page speaks of, small and made up, so that the spec can be checked where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.helpers.tagged import conll, sentences

NUM_ROWS = 60
CLASSES = ("one", "two")


def write_data(spec: Mapping[str, Any], folder: Path) -> None:
    """Writes what ``spec``'s data names and ``folder`` does not have; addresses and patterns are left alone."""
    data = {**(spec.get("data") or {})}
    if data.get("csv") or data.get("parquet") or data.get("jsonl"):
        data.pop("text", None)  # the name of a column
    for key in ("csv", "parquet", "jsonl", "folder", "conll", "text", "series"):
        for name in filter(None, (data.get(key), data.get("val"), data.get("test"))):
            path = folder / name
            if key in data and "://" not in name and "*" not in name and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                WRITERS[key](spec, path)
    model = str((spec.get("parameters") or {}).get("model"))
    if model.startswith("./") and not (folder / model).exists():
        _causal_model(folder / model)


def _causal_model(path: Path) -> None:
    """A tiny GPT-2 of bytes, as a folder of Hugging Face's libraries."""
    pytest.importorskip("transformers", reason="the extra language is not installed")
    from workloads.models.language.causal.decoder import decoder_of  # 4 s: torch and transformers
    from workloads.models.language.hyperparameters import LanguageHyperparameters
    from workloads.models.language.pretrained import tokens_of

    decoder_of(LanguageHyperparameters(model="none", mode="full")).net.save_pretrained(path)
    tokens_of("none", 512).tokenizer.save_pretrained(path)


def _table(spec: Mapping[str, Any]) -> pd.DataFrame:
    """Two numbers, and every column that the spec names, of its kind."""
    data, rng = spec["data"], np.random.default_rng(0)
    kinds = data.get("columns") or {}
    found: dict[str, Any] = {
        "age": rng.normal(50, 9, NUM_ROWS).round(1),
        "weight": rng.normal(70, 9, NUM_ROWS).round(1),
    }
    found |= {name: _column(kind) for name, kind in kinds.items()}
    texts = data.get("text") or []
    pair = [data[key] for key in ("prompt", "completion") if data.get(key)]
    for name in [*([texts] if isinstance(texts, str) else texts), *pair]:
        found[name] = [f"text {k} of {name}" for k in range(NUM_ROWS)]
    group = (data.get("split") or {}).get("group")
    if group and group not in found:
        found[group] = np.arange(NUM_ROWS) // 3
    numbers = "rmse" in str(spec.get("metric")) or "mae" in str(spec.get("metric"))
    if data.get("target"):
        target = rng.normal(0, 1, NUM_ROWS) if numbers else np.tile(CLASSES, NUM_ROWS // 2)
        found[data["target"]] = target
    return pd.DataFrame(found)


def _column(kind: Any) -> Any:
    if isinstance(kind, Mapping):
        return np.resize(np.array(kind["ordinal"], dtype=object), NUM_ROWS)
    made = {
        "datetime": pd.date_range("2020-01-01", periods=NUM_ROWS).astype(str),
        "number": np.arange(NUM_ROWS) / 7,
    }
    return made.get(kind, np.resize(np.array(["here", "there", "elsewhere"], dtype=object), NUM_ROWS))


def _csv(spec: Mapping[str, Any], path: Path) -> None:
    _table(spec).to_csv(path, index=False, header=spec["data"].get("header", True))


def _jsonl(spec: Mapping[str, Any], path: Path) -> None:
    _table(spec).to_json(path, orient="records", lines=True)


def _parquet(spec: Mapping[str, Any], path: Path) -> None:
    table = _table(spec)
    if column := spec["data"].get("image"):
        table[column] = [_png(row) for row in range(NUM_ROWS)]
    table.to_parquet(path)


def _png(seed: int) -> bytes:
    import io

    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def _conll(spec: Mapping[str, Any], path: Path) -> None:
    path.write_text(conll(sentences(NUM_ROWS)))


def _folder(spec: Mapping[str, Any], path: Path) -> None:
    for name in CLASSES:
        (path / name).mkdir(parents=True)
        for number in range(NUM_ROWS // 2):
            (path / name / f"{number}.png").write_bytes(_png(number))


def _text(spec: Mapping[str, Any], path: Path) -> None:
    path.write_text("The north wind doth blow, and we shall have snow.\n" * 100)


def _series(spec: Mapping[str, Any], path: Path) -> None:
    data = spec["data"]
    months = pd.date_range("2000-01-01", periods=240, freq="MS").strftime("%Y-%m")
    columns = {data.get("time", "time"): months, data.get("value", "value"): np.sin(np.arange(240) / 2).round(4)}
    pd.DataFrame(columns).to_csv(path, index=False)


WRITERS = {
    **{"csv": _csv, "parquet": _parquet, "jsonl": _jsonl, "folder": _folder},
    **{"conll": _conll, "text": _text, "series": _series},
}
