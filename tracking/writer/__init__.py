"""Writes a sweep to MLflow from a background thread, with a spool on disk in between.

From outside: ``writer.Writer``, ``reconcile``.
"""
