"""Single trials, and what differs between trials and between sweeps, as lines for a terminal."""
