"""Create findings and their fixes, and apply the comments that suppress them."""
