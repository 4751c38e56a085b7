"""Command export: the champion as files that need no Paceline."""

from __future__ import annotations

from pathlib import Path

import click

from cluster.cli.commands.shared import Failure, Refusal, find, reading
from cluster.cli.options import SWEEP
from cluster.exit_codes import FINISHED


@click.command()
@SWEEP
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "wanted",
    type=click.Choice(["onnx", "safetensors", "pt2", "huggingface"]),
    help="Default: by the ending of FILE, else ONNX, of `language` a folder.",
)
def export(sweep: str, file: Path, wanted: str | None) -> int:
    """Write a sweep's champion to a file, or of a text encoder to a folder, and check that it agrees.

    Formats are ONNX; pt2, a graph of torch.export; safetensors, weights with a JSON that says how to use them. Of
    workload `language` it is a new folder that Hugging Face's transformers load, with adapters merged, tokenizer,
    classifier, and a script predict.py.
    """
    from cluster.models.champion import NoModel
    from cluster.models.exporting import export_champion
    from workloads.arrays import DataError

    read = reading(find(sweep))
    try:
        told = export_champion(read, file, wanted)  # type: ignore[arg-type] # one of the choices
    except NoModel as error:
        raise Refusal(str(error)) from error
    except DataError as error:
        raise Failure(str(error)) from error
    print(f"{file}: {told}")
    return FINISHED
