"""Documents of single trials, and of what differs between trials and between sweeps."""
