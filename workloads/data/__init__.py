"""A sweep's data: read once, split, measured, checked for leaks, described in a data card.

From outside: ``prepare.prepare``, ``search_data.SearchData``.
"""
