"""Pictures of epochs are logged images of MLflow's, each once, however often it is sent."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

from PIL import Image

from tests.helpers.small_sweep_in_mlflow import HEADER, open_writer, runs_of, write_trial
from tracking.store.open import open_mlflow
from tracking.ui import shared_view
from tracking.writer.pictures import files, series


def png(side: int = 300) -> bytes:
    out = io.BytesIO()
    Image.new("L", (side, side // 2)).save(out, "PNG")
    return out.getvalue()


def test_a_picture_is_there_once_however_often_it_is_sent(any_uri: str, tmp_path: Path) -> None:
    header = replace(HEADER, sweep_id="pictures", experiment="pictures")
    content, client = base64.b64encode(png()).decode(), open_mlflow(any_uri).client
    for spool in ("first", "again"):  # the second writer has lost the spool: it is told all anew
        writer = open_writer(any_uri, tmp_path / spool, header=header)
        for number in range(3):
            write_trial(writer, number)
        for epoch in (1, 12):
            writer.content(f"samples/e{epoch:04d}.png", content, "t0000")
        for number, epoch in ((1, 11), (2, 14)):
            writer.content(f"samples/e{epoch:04d}.png", content, f"t{number:04d}")
        writer.content("samples/e0013.png", base64.b64encode(b"no picture").decode(), "t0000")
        writer.rank(["t0000", "t0001", "t0002"], {})
        assert writer.close(60)
    [run] = runs_of(any_uri, "pictures")["t0000"]
    assert run.data.tags["mlflow.loggedImages"] == "True"
    found = [Path(item.path).name for item in client.list_artifacts(run.info.run_id, "images")]
    assert [name.partition("+timestamp")[0] for name in found] == [f"samples+step+{n}" for n in (1, 1, 12, 12)]
    assert len(client.list_artifacts(run.info.run_id, "samples")) == 3, "each is an artifact of its own name, too"
    [view] = (
        value
        for key, value in client.get_experiment(run.info.experiment_id).tags.items()
        if key.endswith("State.pictures")
    )
    grids = [one for one in json.loads(json.loads(view)["state"])["compareRunCharts"] if one["type"] == "IMAGE"]
    assert [(one["imageKeys"], one["step"]) for one in grids] == [(["samples"], 11)], "what all have"


def test_names_and_sizes_are_those_of_mlflow_s_client(sqlite_uri: str, tmp_path: Path) -> None:
    client = open_mlflow(sqlite_uri).client
    run = client.create_run("0")
    client.log_image(run.info.run_id, Image.open(io.BytesIO(png())), key="made/of noise", step=7)
    shape = re.compile(r"timestamp\+\d+\+[0-9a-f-]{36}")
    theirs = {shape.sub("", item.path): item.path for item in client.list_artifacts(run.info.run_id, "images")}
    ours = {shape.sub("", name): content for name, content in files("made/of noise/e0007.png", png()).items()}
    assert set(ours) == set(theirs) and len(ours) == 2
    for name, content in ours.items():
        with Image.open(client.download_artifacts(run.info.run_id, theirs[name], str(tmp_path))) as wanted:
            made = Image.open(io.BytesIO(content))
            assert (made.size, made.format) == (wanted.size, wanted.format)
    assert client.get_run(run.info.run_id).data.tags["mlflow.loggedImages"] == "True"


def test_what_is_no_picture_of_an_epoch_is_none() -> None:
    assert series("samples/e0003.png") == ("samples", 3)
    for path in ("e0003.png", "samples/e3.png", "samples/epoch_0003.txt", "a+b/e0003.png", "50%/e0003.png"):
        assert series(path) is None and files(path, png()) == {}
    view = json.dumps(shared_view.shared_views(HEADER))
    assert "IMAGE" not in view
