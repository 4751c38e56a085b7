"""Groups of keys of the spec file: their models, and the checks that concern several of them."""
