"""Command predict: the champion's predictions for the rows of a file."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cluster.cli.commands.shared import Failure, Refusal, find, reading
from cluster.exit_codes import FINISHED

if TYPE_CHECKING:
    from cluster.models.predicting import Predictor
    from cluster.sweep.reading import Reading
    from search_spaces.spec.data import Data

EVERY_S = 1.0
"""Time between two lines of progress."""


@click.command()
@click.argument("sweep", metavar="ID")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="OUT", type=click.Path(path_type=Path), help="A new .csv or .parquet file.")
@click.option("--keep", is_flag=True, help="Put the columns of FILE before the predictions.")
def predict(sweep: str, files: tuple[Path, ...], output: Path | None, keep: bool) -> int:
    """Predict the rows of FILE by the sweep's registered champion.

    FILE is a table (CSV, Parquet, JSON lines, Feather, Excel), a .txt with a text a line, a folder of images or
    images, or a .npy array, whichever the model takes. Without -o the predictions go to standard output.
    """
    from cluster.models.output import ENDINGS

    if output is not None and output.suffix not in ENDINGS:
        raise Refusal(f"-o: must end in {' or '.join(ENDINGS)}, received {str(output)!r}")
    if output is not None and output.exists():
        raise Refusal(f"{output} is there already: name another file with -o")
    if output is not None and not output.parent.is_dir():
        raise Refusal(f"-o: there is no folder {output.parent}")
    if gone := [str(file) for file in files if not file.exists()]:
        raise Refusal(f"there is no file {', '.join(gone)}")
    read = reading(find(sweep))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else a part of OUT would stay
    from cluster.models.champion import NoModel
    from workloads.arrays import DataError

    try:
        for line in _predicted(read, files, output, keep):
            print(line, file=sys.stderr)
    except (NoModel, DataError) as error:
        raise Refusal(str(error)) from error
    except OSError as error:
        raise Failure(f"{output or 'standard output'} cannot be written: {error.strerror or error}") from error
    return FINISHED


def _predicted(read: Reading, files: tuple[Path, ...], output: Path | None, keep: bool) -> Iterator[str]:
    """Write the predictions, and yield what the user should know of them."""
    from cluster.models.champion import champion_of
    from cluster.models.inputs import Inputs
    from cluster.models.output import Output
    from cluster.models.predicting import Predictor
    from cluster.models.remarks import counted
    from cluster.models.takes import card_of, takes_of
    from workloads.arrays import DataError

    with champion_of(read) as stored:
        takes = takes_of(read, stored)
        card, data = card_of(read), read.sweep.data
        inputs = Inputs(files=files, takes=takes, data=data, details=card.get("details", {}))
        left_out = frozenset(filter(None, [data.split.group, *_dropped(data)]))
        predictor = Predictor(stored=stored, takes=takes, card=card, left_out=left_out)
        predictor.model  # noqa: B018 - it is loaded before the clock of progress starts
        shown = time.monotonic()
        with Output(output) as out:
            for part in inputs.parts():
                out.write(predictor.of(part, keep))
                if time.monotonic() - shown > EVERY_S:
                    shown = time.monotonic()
                    print(counted(predictor.num_rows), file=sys.stderr)
            if not predictor.num_rows:
                raise DataError(f"{', '.join(map(str, files))} holds no rows")
        yield from inputs.notes
        own = " (it was trained on rows of this file)" if _is_own(read, files) else ""
        yield from _told(predictor, own)
        where = "" if output is None else f" in {output}"
        yield f"{counted(predictor.num_rows)} predicted by {stored.uri}{where}"


def _dropped(data: Data) -> list[str]:
    """Return the columns that the sweep file leaves out."""
    return [name for name, kind in data.columns.items() if kind == "drop"]


def _is_own(read: Reading, files: tuple[Path, ...]) -> bool:
    """Return whether a file is one that the sweep's rows come from."""
    data = read.sweep.data
    known = [data.csv, data.parquet, data.xlsx, data.jsonl, data.feather, data.folder, *data.also]
    return bool({Path(path).resolve() for path in known if path} & {file.resolve() for file in files})


def _told(predictor: Predictor, own: str) -> Iterator[str]:
    yield from predictor.remarks.said()
    if predictor.num_undefined:
        yield f"{predictor.num_undefined} rows have a prediction that is no number"
    takes = predictor.takes
    if said := predictor.score.said(takes, f"`{takes.target}`" if takes.target else "a folder with a class's name"):
        yield said + own
