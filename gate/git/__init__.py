"""The git edge: the only place that runs git."""
