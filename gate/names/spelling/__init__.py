"""Which known name a misspelt one is closest to, and what other languages call the same."""
