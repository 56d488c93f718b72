"""Where scripts import the story from."""
