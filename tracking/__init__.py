"""What happened, and which was best: MLflow runs, tables and comparisons. Imports no torch."""
