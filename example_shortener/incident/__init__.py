"""The incident, replayed for real: what a team sees, from the unreviewed push to the customer notice."""
