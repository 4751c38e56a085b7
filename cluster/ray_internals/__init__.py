"""Starts Ray and its workers faster, keeps them to their user, and removes what Ray leaves behind.

All of that is by private parts of Ray. From outside: ``local_ray.local_ray``, ``private_ray.private_ray``,
``imports.importing``, ``spare_workers``, ``orphaned_groups``, and the
``why_off`` of ``forkserver`` and ``lean_node``.
"""
