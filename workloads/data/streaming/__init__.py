"""Streams training rows that do not fit into memory: they are read anew in each epoch, by Ray Data.

From outside: ``scan.scanned``, ``search_data.with_stream``, ``stream.Stream`` and ``stream.Shard``, ``ray_data``.
"""
