"""Tests whose code a file is."""

from __future__ import annotations

import json
import sysconfig

import pytest

from search_spaces.types.errors.whose_code import is_installed, is_users
from search_spaces.types.module_path import HOME


@pytest.mark.parametrize(
    ("file", "users"),
    [
        ("/home/me/train.py", True),
        ("/home/me/workloads/train.py", True),
        (f"{HOME}/workloads/examples/ddp_mlp.py", True),
        (f"{HOME}/workloads/registry.py", False),
        (f"{HOME}/paceline.py", False),
        ("/home/me/lib/python3/dist-packages/found/by_pythonpath.py", False),
        (f"{sysconfig.get_path('purelib')}/torch/__init__.py", False),
        (json.__file__, False),
        ("<frozen importlib._bootstrap>", False),
    ],
)
def test_only_files_of_users_are_theirs(file: str, users: bool) -> None:
    assert is_users(file) is users


def test_a_folder_of_packages_is_installed() -> None:
    assert is_installed(sysconfig.get_path("purelib"))
    assert not is_installed(HOME)
