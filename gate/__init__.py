"""gate decides whether a change can merge into a protected branch."""

__version__ = "0.2.0"
