"""Makes a workload of a user's own training function.

From outside: ``loop.Run``, which the function gets, and ``workload.workload_of``.
"""
