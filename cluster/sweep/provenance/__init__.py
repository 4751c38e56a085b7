"""Provenance of a sweep's results: when each leg ran and where, and on which machines, with which versions."""
