"""What people read in a terminal: leaderboard, live view, closing summary, preview.

Takes records, prints text; knows no sweep's files.
"""
