"""What a receiving repository accepts."""
