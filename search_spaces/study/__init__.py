"""Stores a sweep's trials: an Optuna study in a journal file or in PostgreSQL.

From outside: ``study.Study``, and ``postgres`` for the studies of a database.
"""
