"""The detectors, one module per kind of weakened check. `find(files)` yields findings; the package runs them all."""
