"""A sweep whose Ray does not start ends with a sentence and stays for a resume."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.ray_internals import local_ray
from search_spaces.types.driver_errors import NoRay
from tests.helpers.finished_sweep_without_ray import raced


def test_it_is_told_in_a_sentence_that_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def failing(
        cpus: int, leave: bool, quieten: Callable[[], None], say: Callable[[str], None], *others: object
    ) -> Iterator[None]:
        quieten()
        say("it is tried again")
        raise NoRay("Ray did not start: load 17 on 2 cores")
        yield

    monkeypatch.chdir(tmp_path)
    home = raced(most_legs=2)
    monkeypatch.setattr(local_ray, "local_ray", failing)
    monkeypatch.setattr(local_ray, "import_early", lambda: None)
    assert main(["resume", home.id]) == 1
    out, err = capsys.readouterr()
    assert "it is tried again" in out
    assert err.splitlines()[-1].startswith(
        f"Ray did not start: load 17 on 2 cores; `paceline resume {home.id}` continues it"
    )
    assert "Traceback" not in err and home.journal.exists()
