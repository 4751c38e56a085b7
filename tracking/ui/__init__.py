"""MLflow's pages: the server, and links that open the leaderboard and the charts.

From outside: ``server.serve``, ``server.leaderboard_url``.
"""
