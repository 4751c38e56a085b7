"""Command that turns another tool's file into a spec: import."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cluster.cli.commands.shared import Refusal, refusing, write_new
from cluster.exit_codes import FINISHED

NEXT = """wrote {path}; next
  paceline check {path}"""


@click.command("import")
@click.argument("file", type=click.Path())
@click.option("-o", "--output", default="sweep.yaml", show_default=True, type=click.Path(dir_okay=False))
def import_(file: str, output: str) -> int:
    """Write the sweep file that FILE of another tool means.

    FILE is a Katib experiment, a Determined experiment's configuration, or a Ludwig configuration with a hyperopt
    section. Keys without a counterpart are named with their lines, here and as comments in the sweep file; what
    cannot be meant is refused, and nothing written. A W&B sweep file needs no import: `paceline run` takes it.
    """
    from search_spaces.spec.imported.read import imported
    from search_spaces.spec.yaml_document import MAX_BYTES, decoded, read_yaml

    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refusal(f"{file}: cannot be read: {error.strerror}") from error
    with refusing():
        document = read_yaml(decoded(raw, Path(file).name), Path(file).name)
        text, notes = imported(document)
    write_new(output, text)
    for note in notes:
        print(note, file=sys.stderr)
    print(NEXT.format(path=output))
    return FINISHED
