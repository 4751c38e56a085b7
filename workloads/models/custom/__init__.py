"""The user's own training function as a workload."""
