"""Runs legs on Ray: Ray Tune assigns them to lanes of one or several worker processes.

From outside: ``tune.drive_legs``, ``shared_data``, ``joined_cluster``.
"""
