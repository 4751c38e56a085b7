"""A model that would run code as it is loaded is refused, before any of it runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tracking.results.safe_model import PICKLES, UnsafeModel, load, refuse_code, unchanged_files


class Evil:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def test_a_pickle_is_refused_and_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    import torch

    monkeypatch.setenv(PICKLES, "true")
    model, saved = torch.nn.Linear(2, 1), tmp_path / "model"
    model.evil = Evil(tmp_path / "ran")  # type: ignore[assignment]
    mlflow.pytorch.save_model(model, saved, serialization_format="pickle", pip_requirements=["torch"])
    with pytest.raises(UnsafeModel, match=r"saved as a pickle.*torch\.save"):
        load(f"sqlite:///{tmp_path / 'mlflow.db'}", str(saved))
    assert not (tmp_path / "ran").exists() and os.environ[PICKLES] == "true"


@pytest.mark.parametrize(
    ("flavor", "said"),
    [
        ({"model_data": "data", "code": "code"}, "brings code along"),
        ({"model_data": "../outside"}, "as a pickle"),
        ({}, "as a pickle"),
        (None, r"a model of sklearn, not of torch: name one that was registered by mlflow\.pytorch"),
    ],
)
def test_what_a_model_s_folder_may_hold(tmp_path: Path, flavor: dict[str, Any] | None, said: str) -> None:
    flavors = {"python_function": {}, **({"sklearn": {}} if flavor is None else {"pytorch": flavor})}
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "model.pt2").touch()
    (tmp_path / "model" / "data").mkdir(parents=True)
    (tmp_path / "model" / "data" / "model.pth").touch()
    with pytest.raises(UnsafeModel, match=said):
        refuse_code(tmp_path / "model", flavors)
    (tmp_path / "model" / "data" / "model.pt2").touch()
    with pytest.raises(UnsafeModel):
        refuse_code(tmp_path / "model", {"pytorch": {"model_data": "data"}})
    (tmp_path / "model" / "data" / "model.pth").unlink()
    refuse_code(tmp_path / "model", {"pytorch": {"model_data": "data", "code": None}})


def test_no_bar_of_mlflow_stands_among_the_lines_where_files_are_copied(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "copy").mkdir()
    path = unchanged_files(f"sqlite:///{tmp_path / 'mlflow.db'}", (tmp_path / "model").as_uri(), tmp_path / "copy")
    assert (path / "MLmodel").is_file() and "Downloading" not in "".join(capfd.readouterr())
