"""What users ask of a running sweep: orders, the folder in which a driver finds them, and the driver's side."""
