"""The log of signed records: one ref, a grow-only set of files, the same in all clones that have met."""
