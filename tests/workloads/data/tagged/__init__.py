"""Tests of sentences whose words have each a label."""
