"""What to try, and for how long: domains, samplers, schedules, the race and the spec. Imports no torch, ray, mlflow."""
