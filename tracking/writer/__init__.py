"""Writes a sweep to MLflow from a background thread; a spool on disk keeps what MLflow has not taken yet.

From outside: ``writer.Writer``, ``reconcile``, ``told``, ``spool.read``.
"""
