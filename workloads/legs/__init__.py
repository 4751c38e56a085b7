"""Runs legs inside a worker process: loads, trains, reports, saves and scores members.

From outside: ``runner.LegRunner``, ``checkpoint``, ``ray_train`` (the only file that imports Ray Train).
"""
