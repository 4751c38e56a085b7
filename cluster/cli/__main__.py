"""`python -m cluster.cli` is `paceline`."""

import sys

from cluster.cli.main import main

sys.exit(main())
