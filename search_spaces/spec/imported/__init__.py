"""Specs out of other tools' files: Katib's experiments, Determined's configurations, Ludwig's hyperopt sections.

From outside: ``read.imported`` and ``read.tool_of``.
"""
