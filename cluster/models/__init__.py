"""What one does with a sweep's champion: predict, serve, export, promote."""
