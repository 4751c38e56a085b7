"""The files of a sweep's home: written whole, checked when they are read, and told of when the disk is full.

From outside: ``kept``, ``full_disk``.
"""
