"""Specs of scripts: what ``program`` and ``command`` imply, W&B's own keys, and the checks of a script's keys."""
