"""Verify, offline, every move of a protected branch."""
