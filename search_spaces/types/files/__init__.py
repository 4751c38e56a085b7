"""How files are kept: who can open them, and the check sums by which bytes that rot are seen."""
