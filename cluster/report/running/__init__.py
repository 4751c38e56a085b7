"""Sections on how the sweep ran: when and where each leg trained, who was stopped where, what failed."""
