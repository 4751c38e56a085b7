"""Has a trial's script run once in each process of a group: what it is told, what counts, and how all of it ends.

From outside: ``ranks_run.RanksRun``.
"""
