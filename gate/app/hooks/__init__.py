"""What the git hooks of a clone ask, and the note that answers them without Python."""
