"""gate decides whether a change may enter a protected branch."""

__version__ = "0.2.0"
