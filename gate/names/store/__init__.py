"""What is cached between runs, and work shared between processes."""
