"""The words of Paceline: what each means, its keys, its names in JSON and MLflow, and one thing to try."""
