"""Has a user's function run in several processes at once: what their reports come to, and where they wait.

From outside: ``together.all_ranks``, ``reports.Told``, ``shards.joined`` and ``present_group``.
"""
