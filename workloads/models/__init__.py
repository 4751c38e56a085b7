"""The workloads, one file or folder each; read a folder's ``workload.py`` first.

Models import ``training`` and below, and never each other; a row in ``workloads.registry`` names each.
"""
