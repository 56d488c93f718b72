"""The release tool: puts releases of the shortener out side by side, watches them, and takes them back."""
