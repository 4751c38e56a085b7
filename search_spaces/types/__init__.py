"""Types that all packages share: values, objectives, problems, faults, failures, catalogue entries.

From outside: every module. Imports no other room.
"""
