"""Runs one sweep from start to end: the driver, and the process that registers its champion.

From outside: ``driver.drive``.
"""
