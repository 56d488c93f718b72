"""Weak evidence of what a value is: its name, and what else is done with it."""
