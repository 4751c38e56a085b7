"""Sections on what the result rests on: seeds, several objectives, the data, the spec and its surroundings."""
