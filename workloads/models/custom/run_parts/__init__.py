"""The data that a user's function gets: arrays, DataLoaders and rows.

From outside: ``run_data``, ``rows``.
"""
