"""Command promote: which registered model is the champion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cluster.cli.commands.shared import Failure, Refusal, find, print_json, reading
from cluster.cli.options import JSON, SWEEP
from cluster.exit_codes import FINISHED

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading
    from tracking.results.intervals import Estimate


@click.command()
@SWEEP
@click.option("--force", is_flag=True, help="Also where the present champion is better, or cannot be compared.")
@JSON
def promote(sweep: str, force: bool, as_json: bool) -> int:
    """Make the sweep's registered model the champion of its name in MLflow.

    A champion with a better score on the same test rows is replaced with --force alone, and so is one that was
    measured by another metric, or on other rows.
    """
    from cluster.models.champion import NoModel
    from cluster.models.promoting import promoted
    from tracking.store.errors import Away, Refused

    read = reading(find(sweep))
    try:
        document = promoted(read, force, _difference_to)
    except NoModel as error:
        raise Refusal(str(error)) from error
    except (Away, Refused) as error:
        raise Failure(f"MLflow cannot be asked: {error}") from error
    if as_json:
        print_json(document)
        return FINISHED
    before = document["replaced"]
    place = f", in place of version {before['version']} (sweep {before['sweep']})" if before else ""
    print(f"{document['uri']} is version {document['version']} now{place}: {document['why']}")
    return FINISHED


def _difference_to(read: Reading, other: str) -> tuple[Estimate, str] | None:
    from cluster.driver.comparing.with_other import difference_to  # 1,300 ms: torch

    return difference_to(read, other)
