"""Simple models that cost next to nothing, and that the champion of a search must beat."""
