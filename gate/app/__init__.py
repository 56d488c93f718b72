"""The use cases: each command as a function from a request to a result. Nothing here prints."""
