"""gate decides whether a change may enter a protected branch."""

__version__ = "0.1.0"
