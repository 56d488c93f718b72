"""The log of signed records: one ref with a grow-only set of files, the same in all clones after syncing."""
