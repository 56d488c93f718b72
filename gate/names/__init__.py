"""The `names` check: find misspelled names and wrong calls by reading the code.

It is a program of its own, `python -m gate.names`, which is started like any other tool, and never imports or runs
anything of the tree that it reads.
"""
