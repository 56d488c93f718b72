"""Move a branch to the commit that was checked."""
