"""What can be wrong with a machine, its stores and their reachability, each with its remedy."""
