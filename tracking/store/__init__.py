"""Opens MLflow's store, writes to it by SQL or by MLflow's client, and sorts its errors.

From outside: ``open.open_store``, ``errors``.
"""
