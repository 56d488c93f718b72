"""Tests of the service as its callers use it."""
