"""Checks of a sweep file, one module for each part of it. Each check notes all faults in the document.

From outside: ``sweep.checked_sweep``, ``again.check_again``.
"""
