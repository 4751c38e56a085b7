"""Starts Ray and its workers faster and removes what Ray leaves behind, by private parts of Ray.

From outside: ``local_ray.local_ray``, ``imports.importing``, ``spare_workers``, ``orphaned_groups``, and the
``why_off`` of ``forkserver`` and ``lean_node``.
"""
