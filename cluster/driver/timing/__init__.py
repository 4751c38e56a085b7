"""How long a sweep still takes, and the snapshots that say so."""
