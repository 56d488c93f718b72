"""Settings that name Python objects in text: found in code and in files, and followed to what they name."""
