"""Set up gate in a repository: inspect it, propose a policy that locks nobody out, and write it."""
