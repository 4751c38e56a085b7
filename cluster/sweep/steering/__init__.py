"""What users ask of a running sweep: its orders, their checks, and the driver's side."""
