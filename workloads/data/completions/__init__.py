"""Prompts and their completions, which a causal model learns to write."""
