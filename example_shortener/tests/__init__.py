"""Tests of behavior, from the outside. Tests in `web` need Flask, the others only Python."""
