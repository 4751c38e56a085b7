"""Checks a machine, the stores of a sweep and their reachability; each fault comes with its remedy.

From outside: ``report``, ``machine.Check``, ``stores.refuse_stores``, ``reachability``, ``fast_ways``.
"""
