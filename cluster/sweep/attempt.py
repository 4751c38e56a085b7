"""Numbers the attempts of a sweep's driver: the operator restarts a job without a number, so the home counts."""

from __future__ import annotations

from pathlib import Path


def claim_attempt(root: Path, sweep_id: str, first: int = 1) -> int:
    """Claim and return an attempt number, ``first`` or above and above all that this sweep's drivers had.

    ``root`` is the folder of sweep homes that all attempts see. Making a folder is atomic, over NFS too: of two
    drivers that start together each gets a number of its own, and the later one the higher.
    """
    folder = root / "attempts" / sweep_id
    folder.mkdir(parents=True, exist_ok=True)
    taken = [int(path.name) for path in folder.iterdir() if path.name.isdigit()]
    number = max([first, *(number + 1 for number in taken)])
    while True:
        try:
            (folder / str(number)).mkdir()
        except FileExistsError:
            number += 1
        else:
            return number
