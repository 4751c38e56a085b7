"""Reads the source of users' code: what a function asks for, and where an error is in it."""
