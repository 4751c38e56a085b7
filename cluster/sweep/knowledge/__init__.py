"""What a sweep knows besides its own trials.

From outside: ``warm_start.begun``, which makes the home of a new sweep, and ``warm_start.search_of``.
"""
