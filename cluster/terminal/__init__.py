"""Prints a sweep for people in a terminal: leaderboard, live view, closing summary, preview.

Takes the records of ``records``, gives text; reads no files.

From outside: ``records``, ``views``, ``closing_summary``, ``preview``, ``formatting``, ``live_lines.Title``.
"""
