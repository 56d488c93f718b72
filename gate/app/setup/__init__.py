"""Setting gate up in a repository: look at it, propose a policy that locks nobody out, write it."""
