"""Where a sweep runs: the command line, the driver on Ray Tune, and its lanes."""
