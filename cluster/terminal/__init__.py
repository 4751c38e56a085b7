"""Prints a sweep for people in a terminal: leaderboard, live view, closing summary.

Takes the records of ``records``, gives text; reads no files.

From outside: ``records``, ``views``, ``closing_summary``, ``formatting``, ``plans``, ``live_lines.Title``.
"""
