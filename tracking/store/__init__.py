"""MLflow's store: opened, written to by SQL or by MLflow's client, and its errors sorted.

From outside: ``open.open_store``, ``errors``.
"""
