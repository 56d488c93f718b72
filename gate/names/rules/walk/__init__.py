"""The walk over the syntax tree of a file, which finds candidates for the rules by inference."""
