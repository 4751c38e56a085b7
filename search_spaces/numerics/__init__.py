"""Numerical methods that samplers, schedules and stopping rules share.

From outside: ``gaussian_process`` and ``threads.one_thread``. Both import SciPy.
"""
