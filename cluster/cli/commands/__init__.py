"""What the commands do, one module a kind, imported when one of its commands is called."""
