"""Losses and metrics, one task a kind of problem.

From outside: ``by_problem.task_of``, ``contract.Task``.
"""
