"""Samplers of several objectives: a model of one that is asked about weighted sums, and genetic algorithms.

From outside: the rows of ``samplers.catalogue``.
"""
