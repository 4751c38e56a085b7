"""Commands that write a new spec."""
