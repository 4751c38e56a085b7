"""The text encoder of a champion: where its weights are, and as a folder for other libraries."""
