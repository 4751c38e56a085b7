"""Sections on hyperparameters: all at once, one at a time, in pairs, and how good their values are by and large."""
