"""Which module or package an import refers to, and which names it has."""
