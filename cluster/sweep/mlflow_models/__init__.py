"""Models of MLflow from which workloads start: pinned to a version, opened, kept as files."""
