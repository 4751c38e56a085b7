"""What is told of errors."""
