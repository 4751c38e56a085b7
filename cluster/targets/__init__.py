"""Targets that run sweeps: this machine, a Ray cluster by Ray Jobs, a Kubernetes namespace.

From outside: ``parse.parse_target`` gives a ``contract.Target``, ``submit.submit`` sends to it.
"""
