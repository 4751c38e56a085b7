"""Where a sweep is sent: this machine, Ray Jobs, Kubernetes.

From outside: ``parse.parse_target`` gives a ``contract.Target``, ``submit.submit`` sends to it.
"""
