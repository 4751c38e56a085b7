"""The command line `paceline`: ``main`` parses and dispatches, ``commands`` holds the commands.

From outside: ``main.main``, and for ``cluster.job`` ``commands.run.tell_end`` and ``commands.shared``.
"""
