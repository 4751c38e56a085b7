"""Views of sweeps that are planned, not run.

From outside: ``simulation.lines`` and ``simulation.document`` show simulated searches.
"""
