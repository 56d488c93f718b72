"""The incident, replayed: `python -m release.story`."""
