"""Sweeps over data that is read in every epoch, by Ray Data: the order of an epoch, from S3, and by two workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.spec.data import Data
from tests.helpers.commands import Folder, agree
from tests.helpers.streams_without_ray import all_rows, csv_folder, frame, parquet_folder
from tests.helpers.sweep_here import Here, OneRay
from tests.workloads.data.test_stream import SPLIT, pictures
from workloads.data.prepare import prepare

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SPEC = """
name: streamed
workload: softmax
data: {{{data}, target: kind, split: {{train: 0.6, val: 0.2, test: 0.2}}}}
epochs: 3
trials: 3
parameters: {{lr: {{min: 1e-3, max: 3e-2, log: true}}, batch_size: 32}}
final: {{top: 1, seeds: 2}}
max_concurrent: 1
{more}
"""


def test_an_epoch_meets_every_row_once_in_an_order_of_its_own(tmp_path: Path) -> None:
    where = parquet_folder(tmp_path / "t", frame(1500))
    data = Data(parquet=str(where), target="kind", streaming=True, split=SPLIT)
    stream = prepare(data).search.stream
    assert stream is not None
    OneRay.started()
    from workloads.data.streaming.ray_data import own_shard

    lives = [own_shard(stream) for _ in range(2)]
    first, second, again, anew = (
        [row for x, _ in shard.portions(epoch, 100) for row in x[:, 0].tolist()]
        for shard in lives
        for epoch in (0, 1)
    )
    assert (first, second) == (again, anew)
    assert first != second
    assert sorted(first) == sorted(second) == sorted(all_rows(stream)[0][:, 0].tolist())
    assert first != sorted(first)


@pytest.mark.soak
def test_a_sweep_over_files_in_an_object_store(tmp_path: Path, s3: dict[str, str]) -> None:
    """Nothing of the data is on this machine; the address alone makes it a stream."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=s3["AWS_ENDPOINT_URL"],
        aws_access_key_id=s3["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=s3["AWS_SECRET_ACCESS_KEY"],
    )
    for path in csv_folder(tmp_path / "t", frame(900)).iterdir():
        client.upload_file(str(path), "weights", f"tables/{path.name}")
    folder = Folder(tmp_path / "work")
    folder.path.mkdir()
    folder.write(SPEC.format(data="csv: s3://weights/tables", more=""))
    found = folder.document("run", "sweep.yaml", **s3)
    assert found["state"] == "finished"
    assert found["best"]["value"] > 0.7
    assert found["verdict"]["winner"]["mean"] > 0.7
    agree(folder, found, 3)
    local = Here(tmp_path / "local")
    local.path.mkdir()
    local.write(SPEC.format(data=f"csv: {tmp_path / 't'}, streaming: true", more=""))
    here = local.document("run", "sweep.yaml", "final=none")
    assert [trial["value"] for trial in here["trials"]] == [trial["value"] for trial in found["trials"]]


@pytest.mark.soak
def test_two_workers_each_read_their_part(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    spec = SPEC.format(
        data=f"folder: {pictures(tmp_path / 'zoo', 100)}, streaming: true", more="resources: {workers: 2}"
    )
    spec = spec.replace("target: kind, ", "").replace("softmax", "cnn").replace("{top: 1, seeds: 2}", "none")
    folder.write(spec)
    done = folder.paceline("run", "sweep.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 workers" in done.stdout
    found = folder.document("show")
    assert found["best"]["value"] > 0.9
    agree(folder, found, 3)
