"""Behaviour, seen from outside. What is in `web` needs Flask, the rest only Python."""
