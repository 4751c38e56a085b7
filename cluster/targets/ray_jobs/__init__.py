"""Sweeps as Ray jobs: the head's API, logs, checks."""
