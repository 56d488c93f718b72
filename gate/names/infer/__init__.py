"""Infer what an expression may be."""
