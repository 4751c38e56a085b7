"""Pre-trained encoders for labelled words: a word is read by its first piece."""
