"""A registered champion of texts answers requests in JSON, in MLflow's server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.language_champion import champion, registered, small_encoder
from tests.helpers.paths import ROOT
from tests.helpers.ports import free_ports
from tests.helpers.waiting import wait_until
from tracking.results.registered_model import tracking_at
from workloads.champion.language_model import LanguageModel

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
"""With the folder of uvicorn, which MLflow starts by its name."""
TEXTS = ["fine aaa", "bbb 😀"]
FORMS: list[dict[str, Any]] = [
    {"inputs": TEXTS},
    {"instances": TEXTS},
    {"dataframe_records": [{"review": text} for text in TEXTS]},
    {"dataframe_split": {"columns": ["review"], "data": [[text] for text in TEXTS]}},
]


def served(folder: Path) -> tuple[str, str, LanguageModel]:
    """Return store, URI and model of a registered champion."""
    model = champion(small_encoder(folder / "small"), folder / "sweep", mode="lora", lr=0.01)
    store = f"sqlite:///{folder / 'mlflow.db'}"
    return store, registered(store, model), model


def test_a_champion_answers_raw_texts_in_every_form_of_mlflow_s_requests(tmp_path: Path) -> None:
    import mlflow
    from mlflow.pyfunc.scoring_server import invocations

    (tmp_path / "small").mkdir()
    store, uri, model = served(tmp_path)
    with tracking_at(store):
        found = mlflow.pyfunc.load_model(uri)
        needs = Path(mlflow.artifacts.download_artifacts(f"{uri}/requirements.txt")).read_text()
    assert {line.partition("==")[0] for line in needs.splitlines()} >= {
        "torch",
        "transformers",
        "peft",
        "tokenizers",
    }
    assert found.metadata.get_output_schema().input_names() == ["prediction", "a", "b", "c"]
    assert list(found.input_example["review"]) == ["a fine film", "bbb"]
    expected = model.predict(TEXTS)
    for form in FORMS:
        answer = invocations(json.dumps(form), "application/json", found, found.metadata.get_input_schema())
        rows = json.loads(answer.response)["predictions"]
        assert [row["prediction"] for row in rows] == list(expected["prediction"])
        np.testing.assert_allclose([row["a"] for row in rows], expected["a"], rtol=0, atol=1e-5)


@pytest.mark.soak
def test_mlflow_s_server_answers_raw_texts_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    store, uri, model = served(tmp_path)
    [port] = free_ports(1)
    (tmp_path / "empty").mkdir()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", uri, "--env-manager", "local"]
    server = subprocess.Popen(
        [*command, "-p", str(port), "--workers", "1"],
        cwd=tmp_path / "empty",
        env={**os.environ, "MLFLOW_TRACKING_URI": store, "PYTHONPATH": str(ROOT), "PATH": PATH},
        start_new_session=True,
    )
    try:
        wait_until(lambda: server.poll() is not None or answers(port, None) is not None, "the server answers")
        assert server.poll() is None
        rows = json.loads(answers(port, FORMS[0]) or "")["predictions"]
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    np.testing.assert_allclose([row["a"] for row in rows], model.predict(TEXTS)["a"], rtol=0, atol=1e-5)


def answers(port: int, body: Any) -> str | None:
    """What the server says, None while it does not answer; without a ``body`` whether it is well."""
    url = f"http://127.0.0.1:{port}/{'ping' if body is None else 'invocations'}"
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return str(response.read().decode())
    except OSError:
        return None
