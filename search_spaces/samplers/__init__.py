"""What to try next: functions of a sweep's whole history.

From outside: ``catalogue.sampler`` makes one by name, ``contract`` holds ``Sampler`` and ``Observation``.
"""
