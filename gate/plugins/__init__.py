"""Code that gate runs in the project's own interpreter. Nothing here imports anything of gate."""
