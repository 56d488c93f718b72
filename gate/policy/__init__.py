"""gate.yaml, from text to typed values."""
