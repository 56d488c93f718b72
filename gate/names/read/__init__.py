"""Read a tree's files as Python source: find and decode them, and rewrite syntax that this interpreter can't parse."""
