"""`paceline export`: what cannot be written so is refused with what works instead, and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.sweep_here import Here


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["champion.pt2"], "a table's champion has a pipeline of scikit-learn's before it: `paceline predict`"),
        (
            ["champion", "--format", "huggingface"],
            "has no network of Hugging Face's: --format onnx, safetensors, pt2",
        ),
        (["patients.csv"], "patients.csv is there already"),
    ],
)
def test_a_refusal_says_what_works(patients: Here, words: list[str], told: str) -> None:
    done = patients.paceline("export", "last", *words)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_checkpoint_that_was_changed_is_not_loaded(patients: Here) -> None:
    weights = {file: file.read_bytes() for file in (patients.path / ".paceline").rglob("weights.pt")}
    assert weights
    try:
        for file, content in weights.items():
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        done = patients.paceline("export", "last", "champion.pt2")
        assert done.returncode == 2, done.stderr
        assert "checkpoint is damaged or was changed, and is not loaded" in done.stderr
        assert "`paceline run best.yaml`" in done.stderr
    finally:
        for file, content in weights.items():
            file.write_bytes(content)


def test_a_sweep_without_a_champion_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.helpers.finished_sweep_without_ray import raced

    monkeypatch.chdir(tmp_path)
    raced("final=none")
    done = Here(tmp_path).paceline("export", "last", "champion.onnx")
    assert done.returncode == 2
    assert "has no model: it has no final evaluation (final: none)" in done.stderr
