"""How files are kept: who can open them."""
