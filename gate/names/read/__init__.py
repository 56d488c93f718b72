"""Files of a tree as Python source: found, decoded, and rewritten to syntax that this interpreter can parse."""
