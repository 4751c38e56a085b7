"""Runs the race of a sweep on known learning curves, with a clock that jumps from one report to the next.

From outside: ``clock.simulate`` drives a race, ``recorded`` reads curves from a table, ``runs`` compares schedules,
``simulable`` tells which keys have no effect.
"""
