"""Parse gate.yaml into typed values."""
