"""Judges trials by more than one number: constraints on metrics, and the front of several objectives.

From outside: ``constraints`` holds what a sweep asks for, ``measures`` what a trial has come to.
"""
