"""Reads, checks, writes and describes the sweep file.

From outside: ``sweep.load_sweep`` and ``Sweep``, ``data.Data``, ``template``, ``json_schema``.
"""
