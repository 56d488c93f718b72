"""Collect the facts that the policy's requirements need, from a repository."""
