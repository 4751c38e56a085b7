"""What MLflow says in words of a sweep, its champion and its model."""
