"""Parts of a user's function's run: its data as arrays, DataLoaders and rows, and its turns with the loop.

From outside: ``run_data``, ``rows`` and ``turns``.
"""
