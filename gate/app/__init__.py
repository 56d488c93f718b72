"""The use cases: what each command does, from a request value to a result value. Nothing here prints."""
