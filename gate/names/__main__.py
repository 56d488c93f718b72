"""`python -m gate.names --root DIR`: read a tree of Python, and print what is misspelt in it as JSON."""

import sys

# Checks run without writing byte code, for the sake of the tree; what this program itself consists of is compiled once.
sys.dont_write_bytecode = False

from gate.names.program import main  # noqa: E402  what is above has to come first

if __name__ == "__main__":
    sys.exit(main())
