"""A person's own script as a workload: any program, started once a trial as a process of its own.

From outside: ``workload.SCRIPT``, and ``argv`` for the command line.
"""
