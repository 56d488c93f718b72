"""Decide which pushes a receiving repository accepts."""
