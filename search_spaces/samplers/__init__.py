"""Samplers, which propose configurations from a sweep's whole history.

From outside: ``catalogue.sampler`` returns one by name, ``contract`` holds ``Sampler`` and ``Observation``.
"""
