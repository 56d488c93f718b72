"""Find the known name closest to a misspelled one, and its synonyms in other languages."""
