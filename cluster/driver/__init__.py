"""One sweep from start to end: the driver, and the process that makes a champion of the winner.

From outside: ``driver.drive``.
"""
