"""Records sweeps in MLflow and reads them: runs, tables, comparisons, the champion's model. Imports no torch."""
