"""What gate brings into the project's own interpreter. Nothing here imports anything of gate."""
