"""Cache results between runs, and share work between processes."""
