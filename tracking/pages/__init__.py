"""HTML pages of a sweep and of its champion: one look, one file each, no network."""
