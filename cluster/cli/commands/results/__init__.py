"""Commands that read what has come out of sweeps, and compare it."""
