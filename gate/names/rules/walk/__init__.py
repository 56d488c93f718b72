"""Walk the syntax tree of a file to find candidates for the rules by inference."""
