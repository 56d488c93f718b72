"""The approval log for people: approve, object, revoke, and see whose approval is missing."""
