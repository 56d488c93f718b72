"""What the detectors share: settings files, comments, skips and assertions, read into values that can be compared."""
