"""Resolve imports to modules and packages, and list the names that these have."""
