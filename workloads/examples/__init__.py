"""Training functions for other frameworks, to use or copy: ``workload: workloads.examples.sklearn_sgd:train``."""
