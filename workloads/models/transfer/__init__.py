"""Transfer learning: pre-trained backbones, features computed once, layers thawed."""
