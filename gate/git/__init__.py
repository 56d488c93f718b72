"""The git edge: the only place that runs git or imports GitPython."""
