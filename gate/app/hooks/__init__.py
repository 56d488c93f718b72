"""The checks that a clone's git hooks run, and the note with which they can skip Python."""
