"""What a sweep knows besides its own trials.

From outside: ``warm_start.begun``, which makes the home of a new sweep, and ``search.search_of``.
"""
