"""Joins other frameworks' trainers to a function's ``run``: one module each, which needs that framework.

Each reports what its framework measures, under the framework's own names, and saves and resumes as that does.
"""
