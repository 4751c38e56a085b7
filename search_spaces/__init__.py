"""Chooses what to try and for how long: search space, samplers, schedules, the race, the spec and the study.

Imports neither torch nor ray nor mlflow, so that a spec is checked in a fraction of a second.
"""
