"""The pages hold what the code gives, nothing of it is left out, and the site builds without a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.cli.main import COMMANDS
from search_spaces.space.hyperparameters import hyperparameters
from tests.docs import environment, spec_keys
from tests.docs.generate import BLOCK, BLOCKS, DOCS, filled, pages
from tests.docs.site import build
from workloads.hyperparameters import Training
from workloads.registry import WORKLOADS, workload

REFERENCE = DOCS / "reference"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_holds_what_the_code_gives(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text, "run `make docs`"


def test_everything_that_the_code_gives_stands_on_a_page() -> None:
    shown = {name for page in pages() for _, name, _, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert shown == set(BLOCKS)


def test_every_key_command_and_variable_has_its_place() -> None:
    keys, commands, variables = (
        (REFERENCE / name).read_text() for name in ("sweep-file.md", "commands.md", "environment.md")
    )
    assert [key.path for key in spec_keys.file_keys() if f"# {key.path}\n" not in keys] == []
    assert [name for name in COMMANDS if f"\n## paceline {name}\n" not in commands] == []
    assert [name for name in environment.in_sources() if f"\n| `{name}` | " not in variables] == []


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_hyperparameter_has_a_row_with_its_default(name: str) -> None:
    text = (REFERENCE / "hyperparameters.md").read_text()
    _, _, own = text.partition(f"\n## {name}\n")
    for known in hyperparameters(workload(name).hyperparameters).values():
        assert f"\n| `{known.name}` | " in text, known.name
    assert own and "Searched unless" in own


def test_a_row_holds_values_default_and_meaning() -> None:
    text = (REFERENCE / "hyperparameters.md").read_text()
    known = hyperparameters(Training)
    assert f"| `lr` | > 0 | `{known['lr'].default}` | {known['lr'].doc} |" in text
    assert "| `label_smoothing` | >= 0, < 1 | `0` |" in text
    assert "| `sampling` | `none`, `balanced` | `none` |" in text


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Strict: a page that is not there, and an anchor that is not, are warnings, too."""
    site = build(tmp_path)
    built = {page.relative_to(site).with_suffix(".md") for page in site.rglob("*.html")}
    assert {page.relative_to(DOCS) for page in pages()} <= built
