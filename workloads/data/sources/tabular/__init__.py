"""Readers of the files that hold tables."""
