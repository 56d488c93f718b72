"""Approve, object, withdraw, and see who still has to: the approval log as people use it."""
