"""What the recorder makes of a page, with commands that take no time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.docs.record import Player, renamed

PAGE = """
```python
# hello.py
print("sweep 1a2b", 0.1234)
```

<!-- prepare: mkdir -p .paceline/1a2b -->
<!-- record: 0:1 | /second/1 -->
```console
$ python3 hello.py
old
$ printf 'first\\nsecond\\n'
```

<!-- fails: pwd; false => : -->
```text
old
```
"""


def played(folder: Path, text: str) -> str:
    (page := folder / "page.md").write_text(text)
    return Player(folder / "root", dict(os.environ)).play(page)


@pytest.fixture(autouse=True)
def root(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()


def test_outputs_take_the_place_of_those_that_stood_there(tmp_path: Path) -> None:
    text = played(tmp_path, PAGE)
    assert "$ printf 'first\\nsecond\\n'\nsecond\n```" in text
    assert "```text\n/home/you/page\n```" in text and "old" not in text
    shown = text.split("$ python3 hello.py\nsweep ")[1].split(" 0.1234\n")[0]
    assert len(shown) == 4 and shown != "1a2b"
    assert played(tmp_path, text) == text, "the next recording shows the same ID"


def test_a_command_that_fails_ends_the_recording(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 1"):
        played(tmp_path, PAGE.replace("fails", "record"))


def test_an_id_is_no_part_of_a_number_or_a_word() -> None:
    assert renamed("sweep 1234 0.1234 x1234 1234-s0", {"1234": "beef"}) == "sweep beef 0.1234 x1234 beef-s0"
