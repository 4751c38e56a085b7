"""Views of sweeps that are planned, not run.

From outside: ``preview`` shows what a sweep would run, ``simulation`` simulated searches.
"""
