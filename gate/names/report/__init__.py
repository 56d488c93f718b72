"""Findings, their fixes, and the comments that suppress them."""
