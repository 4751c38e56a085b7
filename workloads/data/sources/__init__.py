"""Readers, one a kind of source: tables, images, text, series, torchvision's sets; ``read`` chooses."""
