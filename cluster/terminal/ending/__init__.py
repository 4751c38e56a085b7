"""Lines at the end of a sweep's summary: its model, where the time went, too many failures; wrapped at words."""
