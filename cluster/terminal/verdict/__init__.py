"""What is said of the final evaluation beside its numbers."""
