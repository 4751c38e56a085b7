"""Reads a sweep's data once, splits it, checks it for leaks and describes it in a data card.

From outside: ``prepare.prepare``, ``search_data.SearchData``, ``epoch_order`` (random orders), ``statistics``.
"""
