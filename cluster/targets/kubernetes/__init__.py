"""Runs sweeps on Kubernetes as RayJobs of the KubeRay operator.

From outside: ``target.KubernetesTarget``.
"""
