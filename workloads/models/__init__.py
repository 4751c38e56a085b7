"""The workloads themselves, one file or folder each; a folder's ``workload.py`` is where to begin.

Models import ``training`` and below, and never each other; a row in ``workloads.registry`` names each.
"""
