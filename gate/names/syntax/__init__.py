"""Analyze the source of one file: scopes, bindings, guards, and uses of names."""
