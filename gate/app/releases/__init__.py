"""Releases to environments: their gates, their downtime budgets, their attestations."""
