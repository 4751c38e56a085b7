"""Groups of keys of the spec file: their models, the checks that concern several, and keys as Python's objects."""
