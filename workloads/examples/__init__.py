"""Training functions for other frameworks, to copy: ``workload: workloads.examples.sklearn_sgd:train``."""
