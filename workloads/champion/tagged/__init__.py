"""Champions that label the words of sentences."""
