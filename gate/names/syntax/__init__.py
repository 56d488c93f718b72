"""What the source of one file contains: scopes, bindings, guards, uses of names."""
