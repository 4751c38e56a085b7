"""Runs sweeps on a Ray cluster as jobs of its Job Submission API.

From outside: ``target.JobsTarget``.
"""
