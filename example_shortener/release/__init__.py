"""The release tool: deploys a release beside the live one, compares the two, and rolls back."""
