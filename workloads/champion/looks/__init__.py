"""The parts of the champion's inspection that depend on the kind of problem."""
