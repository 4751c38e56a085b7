"""Compares the champions of finished sweeps on the test rows that they share."""
