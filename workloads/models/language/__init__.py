"""Pre-trained text encoders, as fixed features computed once, or trained further."""
