"""Losses and metrics, one task for each kind of problem.

From outside: ``by_problem.task_of``, ``contract.Task``.
"""
