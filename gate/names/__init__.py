"""The `names` check: misspelt names and calls of the wrong kind, found by reading alone.

A program of its own, `python -m gate.names`: it is started like any other tool, and never imports or runs
anything of the tree that it reads.
"""
