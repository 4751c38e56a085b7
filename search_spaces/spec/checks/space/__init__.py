"""Checks of what a sweep file searches: parameters, conditions between them, and configurations to try first."""
