"""One module for each kind of weakened check: `find(files)` yields the findings, and the package runs them all."""
