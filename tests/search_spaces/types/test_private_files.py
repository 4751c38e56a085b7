"""Files are private as long as any thread is in a block for them, and not longer."""

from __future__ import annotations

import os
from pathlib import Path

from search_spaces.types.files.private_files import private_files


def test_blocks_of_two_threads_that_overlap(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        first, second = private_files(), private_files()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        (tmp_path / "inside").touch()
        second.__exit__(None, None, None)
        (tmp_path / "behind").touch()
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"inside": 0o600, "behind": 0o644}
