"""What is reported, rule by rule."""
