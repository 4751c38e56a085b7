"""Generative adversarial networks: two networks, their loop, and what is measured of the images."""
