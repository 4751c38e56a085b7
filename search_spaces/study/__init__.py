"""Stores a sweep's trials: an Optuna study in a journal file or in PostgreSQL.

From outside: ``study.Study``, ``postgres`` for the studies of a database, ``addresses`` of shared stores.
"""
