"""Makes a workload of a user's own training function.

From outside: ``loop.Run``, which the function gets, ``workload.workload_of``, and ``process_state`` for lanes.
"""
