"""Virtual environments with the packages that a spec's ``pip`` names, made once on each machine and kept."""
