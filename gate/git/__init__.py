"""Everything that runs git. No other package starts it."""
