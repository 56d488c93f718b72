"""A small URL shortener: short codes that lead to longer addresses."""

__version__ = "1.0.0"
