"""The fault harness: a tiny sweep, a fault at a drawn moment, ``resume``, and one judge of the outcome.

``python -m tests.chaos --seed 17`` plays one draw again, ``--count 200 --seed 0 --jobs 2`` many.
"""
