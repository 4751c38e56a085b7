"""What to try, and for how long: domains, samplers, schedules, the race, the spec. No torch, ray or mlflow."""
