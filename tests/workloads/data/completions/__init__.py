"""Tests of prompts and their completions as data."""
