"""Legs on Ray: Ray Tune hands them to worker processes, one or several a lane.

From outside: ``tune.drive_legs``, ``shared_data``, ``joined_cluster``.
"""
