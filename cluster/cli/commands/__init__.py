"""The commands, one module for each kind, imported when one of its commands is called."""
