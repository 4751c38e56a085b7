"""Starts MLflow's server and makes links into its UI, which open a sweep's leaderboard and charts.

From outside: ``server.serve``, ``server.leaderboard_url``.
"""
