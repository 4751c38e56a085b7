"""Pre-trained causal models, which continue a text: the next tokens of a text, or of a prompt's completion."""
