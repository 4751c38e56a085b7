"""One finished sweep for the tests of this folder."""

from __future__ import annotations

import pytest

from tests.helpers.small_champion import small_champion
from tests.helpers.sweep_here import Here


@pytest.fixture(scope="package")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Here:
    """A folder with a sweep of a table, its champion registered; tests leave it as it is."""
    return small_champion(tmp_path_factory.mktemp("patients"))
