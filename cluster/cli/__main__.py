"""Runs `paceline` as `python -m cluster.cli`."""

import sys

if not sys.flags.safe_path:  # `python -m` looks in the working folder first, also for what the next line imports
    sys.path.append(sys.path.pop(0))

from search_spaces.types.module_path import working_folder_last

working_folder_last()

from cluster.cli.main import main  # noqa: E402

sys.exit(main())
