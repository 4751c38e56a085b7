"""Runs a sweep: the command line, the driver with its lanes on Ray Tune, and the clusters it is submitted to.

From outside: the entry points ``cli.main``, ``job``, ``probe`` and ``pre_stop``.
"""
