"""The champion's inspection and its report: what the driver orders, and what the champion's actor makes of it."""
