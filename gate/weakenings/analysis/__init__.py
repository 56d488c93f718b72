"""Parsers shared by the detectors: settings files, comments, skips, and assertions, as comparable values."""
