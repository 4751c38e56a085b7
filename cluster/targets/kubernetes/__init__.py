"""Sweeps as KubeRay's RayJobs: the API, the object, checks."""
