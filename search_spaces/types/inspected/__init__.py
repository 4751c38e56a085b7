"""Records of what an inspection finds about one kind of problem."""
