"""Releases to environments: their gates, downtime budgets, and attestations."""
