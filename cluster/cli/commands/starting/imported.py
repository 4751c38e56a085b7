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

    FILE is a Katib experiment, a Determined experiment's configuration, a Ludwig configuration with a hyperopt
    section, or the storage of an Optuna study (study.db, journal.log or a URL, with #NAME where it holds several),
    whose trials the new sweep knows from the start. Keys without a counterpart are named with their lines, here and
    as comments in the sweep file; what cannot be meant is refused, and nothing written. A W&B sweep file needs no
    import: `paceline run` takes it.
    """
    from search_spaces.spec.imported.optuna_study import is_study
    from search_spaces.spec.imported.read import imported
    from search_spaces.spec.yaml_document import MAX_BYTES, decoded, read_yaml

    if is_study(file):
        return _written(*_of_study(file, output), output)
    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refusal(f"{file}: cannot be read: {error.strerror}") from error
    with refusing():
        document = read_yaml(decoded(raw, Path(file).name), Path(file).name)
        text, notes = imported(document)
    return _written(text, notes, output)


def _of_study(address: str, output: str) -> tuple[str, list[str]]:
    """Return the spec of an Optuna study and notes, with its trials written beside it."""
    from cluster.sweep.knowledge.warm_start import TRIALS, keep_trials
    from search_spaces.spec.imported.optuna_study import NoStudy, from_study, known_trials, open_study
    from search_spaces.spec.imported.read import spec_text
    from search_spaces.spec.yaml_document import dotted
    from search_spaces.types.passwords import masked

    beside = Path(output).with_suffix(TRIALS)
    try:
        study = open_study(address)
        known = known_trials(study)
        found = from_study(study, known, f"./{beside.name}")
        if known and not Path(output).exists():
            keep_trials(beside, known)
    except NoStudy as error:
        raise Refusal(masked(str(error))) from error
    except FileExistsError as error:
        raise Refusal(f"{beside} is there already: name another file with -o") from error
    notes = [f"{study.study_name}: {dotted(path)}: {text}" for path, text in found.notes]
    return spec_text(found.tree, f"the Optuna study {study.study_name}", notes), notes


def _written(text: str, notes: list[str], output: str) -> int:
    write_new(output, text)
    for note in notes:
        print(note, file=sys.stderr)
    print(NEXT.format(path=output))
    return FINISHED
