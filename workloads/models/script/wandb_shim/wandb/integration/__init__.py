"""Callbacks of other libraries: those of Keras are here."""
