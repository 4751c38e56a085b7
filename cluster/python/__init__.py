"""Runs, follows and reads sweeps by calls: the parts of ``import paceline``, which the commands use, too.

From outside: ``specs`` (a checked sweep), ``begin`` (its home), ``showing`` (views and summary).
"""
