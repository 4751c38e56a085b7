"""Sentences whose words have each a label: named entities, parts of speech."""
