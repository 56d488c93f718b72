"""Sign records, add them to the approval log, and share them with the remote."""
