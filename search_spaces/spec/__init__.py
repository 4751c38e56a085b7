"""The sweep file: read, checked, written and described.

From outside: ``sweep.load_sweep`` and ``Sweep``, ``data.Data``, ``template``, ``json_schema``.
"""
