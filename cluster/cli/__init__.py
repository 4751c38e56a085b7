"""The command line: ``main`` is what `paceline` starts, ``commands`` does the work."""
