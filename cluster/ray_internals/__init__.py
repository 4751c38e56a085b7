"""The quarantine: the only room that names private parts of Ray, each with a test of its own.

From outside: ``local_ray.local_ray``, ``imports.importing``, ``spare_workers``, ``orphaned_groups``.
"""
