"""Runs `paceline` as `python -m cluster.cli`."""

import sys

from search_spaces.types.module_path import working_folder_last

working_folder_last()  # first, as `python -m` looks there first, and not only for what is imported below

from cluster.cli.main import main  # noqa: E402

sys.exit(main())
