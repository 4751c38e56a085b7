"""Where the truth about trials is kept: an Optuna study in a journal file or in PostgreSQL.

From outside: ``study.Study``; ``postgres_url`` for what a URL may look like.
"""
