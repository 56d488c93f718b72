"""Weak evidence of what a value is: by its name, and by what else is done with it."""
