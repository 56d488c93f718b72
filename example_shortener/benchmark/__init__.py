"""Measurements of the sample."""
